#include "cli/network_syntax.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/container_options.h"
#include "network/address.h"

namespace coracle::cli {
namespace {

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return OptionError("network", Printable(text), why);
}

absl::StatusOr<std::string> ReadAddress(absl::string_view whole, absl::string_view value, bool is_v6) {
  const auto address = network::IpAddress::Parse(value);
  if (!address.ok()) return Bad(whole, address.status().message());
  if (address->is_v6() != is_v6) {
    return Bad(whole, absl::StrCat(address->ToString(), " is not an IPv", is_v6 ? 6 : 4, " address"));
  }
  return address->ToString();
}

// One KEY=VALUE of a network of the store.
absl::Status ReadOption(absl::string_view whole, absl::string_view option,
                        store::NetworkAttachment& attachment) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(option, absl::MaxSplits('=', 1));
  const auto [key, value] = parts;
  if (value.empty()) return Bad(whole, absl::StrCat("option \"", Printable(key), "\" needs a value"));
  if (key == "ip" || key == "ip6") {
    ASSIGN_OR_RETURN(std::string address, ReadAddress(whole, value, key == "ip6"));
    (key == "ip" ? *attachment.mutable_ip() : *attachment.mutable_ip6()) = std::move(address);
  } else if (key == "mac" || key == "mac-address") {
    const auto mac = network::ParseMac(value);
    if (!mac.ok()) return Bad(whole, mac.status().message());
    attachment.set_mac(*mac);
  } else if (key == "alias") {
    attachment.add_aliases(std::string(value));
  } else if (key == "interface_name") {
    attachment.set_interface_name(std::string(value));
  } else if (key == "host_interface_name" || key == "driver-opt" || key == "gw-priority" ||
             key == "link-local-ip") {
    return NotSupportedYet(absl::StrCat("--network option ", key));
  } else {
    return Bad(whole, absl::StrCat("unknown option \"", Printable(key),
                                   "\": expected ip, ip6, mac, alias or interface_name"));
  }
  return absl::OkStatus();
}

// docker: name=web,alias=www,...
absl::StatusOr<NetworkChoice> ParseLongForm(absl::string_view text) {
  NetworkChoice choice;
  choice.mode = "bridge";
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    absl::string_view name = part;
    if (absl::ConsumePrefix(&name, "name=")) {
      choice.attachment.set_network_name(std::string(name));
    } else {
      RETURN_IF_ERROR(ReadOption(text, part, choice.attachment));
    }
  }
  if (choice.attachment.network_name().empty()) return Bad(text, "expected name=NETWORK");
  return choice;
}

}  // namespace

absl::StatusOr<NetworkChoice> ParseNetworkOption(absl::string_view text) {
  NetworkChoice choice;
  if (text.empty()) return Bad(text, "expected a network or a mode");
  if (text == "default" || text == "private") return choice;
  if (text == "none" || text == "host") {
    choice.mode = std::string(text);
    return choice;
  }
  if (absl::StartsWith(text, "container:") || absl::StartsWith(text, "ns:")) {
    const absl::string_view rest = text.substr(text.find(':') + 1);
    if (rest.empty()) return Bad(text, "expected a container or a path behind the colon");
    if (text[0] == 'n' && rest[0] != '/') return Bad(text, "expected an absolute path");
    choice.mode = std::string(text);
    return choice;
  }
  if (absl::StartsWith(text, "name=") || absl::StrContains(text, ",name=")) return ParseLongForm(text);
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const std::vector<absl::string_view> options =
      parts.second.empty() ? std::vector<absl::string_view>() : absl::StrSplit(parts.second, ',');
  if (parts.first == "none" || parts.first == "host" || parts.first == "private" ||
      parts.first == "default") {
    return Bad(text, absl::StrCat(parts.first, " has no options"));
  }
  if (parts.first == "pasta" || parts.first == "slirp4netns") {
    choice.mode = std::string(parts.first);
    for (const absl::string_view option : options) choice.options.emplace_back(option);
    return choice;
  }
  choice.mode = "bridge";
  choice.attachment.set_network_name(std::string(parts.first));
  for (const absl::string_view option : options) RETURN_IF_ERROR(ReadOption(text, option, choice.attachment));
  if (parts.first.empty()) return Bad(text, "expected a network before the colon");
  return choice;
}

}  // namespace coracle::cli
