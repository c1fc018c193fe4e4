// Networks, ports, names and resolvers.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/container_options.h"
#include "cli/network_syntax.h"
#include "cli/output.h"
#include "cli/publish_syntax.h"
#include "engine/networks.h"
#include "network/address.h"

namespace coracle::cli {
namespace {

using store::ContainerConfig;
using store::NetworkAttachment;

absl::Status ReadNetworks(const ParsedCommand& parsed, ContainerConfig& config) {
  const std::vector<std::string> values = parsed.GetList("network");
  for (const std::string& value : values) {
    // podman: several names may stand in one value.
    const bool is_list =
        absl::StrContains(value, ',') && !absl::StrContains(value, ':') && !absl::StrContains(value, '=');
    const std::vector<std::string> parts =
        is_list ? std::vector<std::string>(absl::StrSplit(value, ',')) : std::vector<std::string>{value};
    for (const std::string& part : parts) {
      ASSIGN_OR_RETURN(NetworkChoice choice, ParseNetworkOption(part));
      if (!choice.mode.empty() && choice.mode != "bridge" && (values.size() > 1 || parts.size() > 1)) {
        return OptionError("network", part, "can't be combined with another network");
      }
      if (choice.mode.empty() && values.size() > 1) continue;
      config.set_network_mode(choice.mode);
      for (const std::string& option : choice.options) config.add_network_options(option);
      if (choice.mode == "bridge") *config.add_networks() = std::move(choice.attachment);
    }
  }
  return absl::OkStatus();
}

// What --ip and friends say is about the one network there is.
absl::Status ReadAttachmentOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  const std::vector<std::string> aliases = parsed.GetList("network-alias");
  const std::string ip = parsed.GetString("ip"), ip6 = parsed.GetString("ip6"),
                    mac = parsed.GetString("mac-address");
  const char* given = !ip.empty() ? "ip" : (!ip6.empty() ? "ip6" : (!mac.empty() ? "mac-address" : nullptr));
  if (given == nullptr && aliases.empty()) return absl::OkStatus();
  if (given == nullptr) given = "network-alias";
  if (config.network_mode().empty()) config.set_network_mode(engine::DefaultNetworkMode());
  if (!engine::IsBridgeMode(config.network_mode())) {
    return OptionError(given, "",
                       absl::StrCat("needs a network of its own: the network mode is ", config.network_mode(),
                                    ", give --network NAME"));
  }
  if (config.networks().empty()) config.add_networks()->set_network_name(store::kDefaultNetwork);
  if (config.networks_size() > 1 && !(ip.empty() && ip6.empty() && mac.empty())) {
    return OptionError(given, "", "there are several networks: give it as --network NAME:ip=ADDRESS");
  }
  NetworkAttachment& first = *config.mutable_networks(0);
  const auto set = [](absl::string_view option, const std::string& value,
                      std::string* field) -> absl::Status {
    if (value.empty()) return absl::OkStatus();
    if (!field->empty() && *field != value) return OptionError(option, value, "contradicts --network");
    if (option == "mac-address") {
      const auto address = network::ParseMac(value);
      if (!address.ok()) return OptionError(option, Printable(value), address.status().message());
      *field = *address;
      return absl::OkStatus();
    }
    const auto address = network::IpAddress::Parse(value);
    if (!address.ok() || address->is_v6() != (option == "ip6")) {
      return OptionError(option, Printable(value),
                         absl::StrCat("not an IPv", option == "ip6" ? 6 : 4, " address"));
    }
    *field = address->ToString();
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(set("ip", ip, first.mutable_ip()));
  RETURN_IF_ERROR(set("ip6", ip6, first.mutable_ip6()));
  RETURN_IF_ERROR(set("mac-address", mac, first.mutable_mac()));
  for (NetworkAttachment& attachment : *config.mutable_networks()) {
    for (const std::string& alias : aliases) attachment.add_aliases(alias);
  }
  return absl::OkStatus();
}

absl::Status ReadPorts(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const std::string& text : parsed.GetList("publish")) {
    ASSIGN_OR_RETURN(const std::vector<store::PortMapping> mappings, ParsePublish(text));
    for (const store::PortMapping& mapping : mappings) {
      *config.add_ports() = mapping;
    }
  }
  RETURN_IF_ERROR(CheckPortsDiffer(config.ports()));
  config.set_publish_all(parsed.GetBool("publish-all"));
  const std::string& mode = config.network_mode();
  if ((!config.ports().empty() || config.publish_all()) && (mode == "host" || mode == "none")) {
    PrintWarning(absl::StrCat("published ports are discarded with --network ", mode));
    config.clear_ports();
    config.set_publish_all(false);
  }
  for (const std::string& port : parsed.GetList("expose")) {
    if (!IsExposedPort(port))
      return OptionError("expose", Printable(port), "expected PORT[-PORT][/tcp|udp|sctp]");
    config.add_exposed_ports(port);
  }
  return absl::OkStatus();
}

absl::Status ReadHostEntries(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const std::string& entry : parsed.GetList("add-host")) {
    // docker takes NAME=ADDRESS too.
    const size_t separator = entry.find_first_of(":=");
    const std::string names = entry.substr(0, separator);
    absl::string_view address =
        separator == std::string::npos ? absl::string_view() : absl::string_view(entry).substr(separator + 1);
    if (names.empty() || address.empty())
      return OptionError("add-host", Printable(entry), "expected NAME:ADDRESS");
    if (absl::ConsumePrefix(&address, "[")) (void)absl::ConsumeSuffix(&address, "]");
    if (address != "host-gateway" && !network::IpAddress::Parse(address).ok()) {
      return OptionError("add-host", Printable(entry), "not an IP address");
    }
    for (const absl::string_view name : absl::StrSplit(names, ';', absl::SkipEmpty())) {
      config.add_host_entries(absl::StrCat(name, ":", address));
    }
  }
  config.set_no_hosts(parsed.GetBool("no-hosts"));
  if (config.no_hosts() && config.host_entries_size() > 0)
    return OptionError("no-hosts", "true", "conflicts with --add-host");
  return absl::OkStatus();
}

absl::Status ReadResolver(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const std::string& server : parsed.GetList("dns")) {
    const auto address = network::IpAddress::Parse(server);
    if (!address.ok()) return OptionError("dns", Printable(server), "not an IP address");
    config.add_dns_servers(address->ToString());
  }
  for (const std::string& option : parsed.GetList("dns-option")) config.add_dns_options(option);
  for (const std::string& domain : parsed.GetList("dns-search")) config.add_dns_searches(domain);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadNetworkOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  RETURN_IF_ERROR(ReadNetworks(parsed, config));
  RETURN_IF_ERROR(ReadAttachmentOptions(parsed, config));
  RETURN_IF_ERROR(ReadPorts(parsed, config));
  RETURN_IF_ERROR(ReadHostEntries(parsed, config));
  RETURN_IF_ERROR(ReadResolver(parsed, config));
  for (const std::string& link : parsed.GetList("link")) {
    if (link.empty() || link[0] == ':')
      return OptionError("link", Printable(link), "expected CONTAINER[:ALIAS]");
    config.add_links(link);
  }
  config.set_no_hostname(parsed.GetBool("no-hostname"));
  return absl::OkStatus();
}

}  // namespace coracle::cli
