#include "cli/publish_syntax.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/container_options.h"
#include "network/address.h"

namespace coracle::cli {
namespace {

using store::PortMapping;

constexpr uint32_t kMaxPort = 65535;

bool IsProtocol(absl::string_view text) { return text == "tcp" || text == "udp" || text == "sctp"; }

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return OptionError("publish", Printable(text), why);
}

// Digits only: SimpleAtoi takes blanks and signs as well.
std::optional<uint32_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](unsigned char c) { return absl::ascii_isdigit(c); });
  if (!digits || !absl::SimpleAtoi(text, &port) || port > kMaxPort) return std::nullopt;
  return port;
}

// Takes ADDRESS: off the front, if there is one.
absl::Status TakeAddress(absl::string_view whole, absl::string_view& rest, std::string& address) {
  absl::string_view given;
  if (absl::ConsumePrefix(&rest, "[")) {
    const size_t end = rest.find("]:");
    if (end == absl::string_view::npos) return Bad(whole, "expected ']:' behind the address");
    given = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (given.find(':') == absl::string_view::npos)
      return Bad(whole, "only an IPv6 address stands in brackets");
  } else {
    const size_t last = rest.rfind(':');
    const size_t before =
        last == absl::string_view::npos || last == 0 ? absl::string_view::npos : rest.rfind(':', last - 1);
    if (before == absl::string_view::npos) return absl::OkStatus();
    given = rest.substr(0, before);
    rest.remove_prefix(before + 1);
    if (given.find(':') != absl::string_view::npos) return Bad(whole, "an IPv6 address stands in brackets");
    if (given.empty()) return absl::OkStatus();
  }
  const auto parsed = network::IpAddress::Parse(given);
  if (!parsed.ok()) return Bad(whole, parsed.status().message());
  address = parsed->ToString();
  return absl::OkStatus();
}

absl::Status ReadPorts(absl::string_view whole, absl::string_view rest, PortMapping& mapping) {
  const size_t colon = rest.rfind(':');
  const absl::string_view inner = colon == absl::string_view::npos ? rest : rest.substr(colon + 1);
  const absl::string_view outer =
      colon == absl::string_view::npos ? absl::string_view() : rest.substr(0, colon);
  const std::optional<PortRange> ports = ParsePortRange(inner);
  if (!ports.has_value()) {
    return Bad(whole, absl::StrCat("the container's port \"", Printable(inner),
                                   "\" is not a port or range from 1 to 65535"));
  }
  mapping.set_container_port(ports->first);
  mapping.set_count(ports->last - ports->first + 1);
  if (outer.empty() || outer == "0") return absl::OkStatus();
  const std::optional<PortRange> host = ParsePortRange(outer);
  if (!host.has_value()) {
    return Bad(whole, absl::StrCat("the host's port \"", Printable(outer),
                                   "\" is not a port or range from 1 to 65535"));
  }
  if (host->last - host->first != ports->last - ports->first) {
    return Bad(whole, "the ranges of the host and of the container differ in length");
  }
  mapping.set_host_port(host->first);
  return absl::OkStatus();
}

absl::StatusOr<PortMapping> ParseOne(absl::string_view whole, absl::string_view text) {
  PortMapping mapping;
  absl::string_view rest = text;
  const size_t slash = rest.rfind('/');
  std::string protocol = "tcp";
  if (slash != absl::string_view::npos) {
    protocol = absl::AsciiStrToLower(rest.substr(slash + 1));
    rest = rest.substr(0, slash);
  }
  if (!IsProtocol(protocol)) {
    return Bad(whole,
               absl::StrCat("unknown protocol \"", Printable(protocol), "\": expected tcp, udp or sctp"));
  }
  mapping.set_protocol(protocol);
  RETURN_IF_ERROR(TakeAddress(whole, rest, *mapping.mutable_host_ip()));
  RETURN_IF_ERROR(ReadPorts(whole, rest, mapping));
  return mapping;
}

// An empty address is every address of both families; 0.0.0.0 and :: are every one of theirs.
bool SameAddress(const PortMapping& a, const PortMapping& b) {
  const bool a6 = a.host_ip().find(':') != std::string::npos, b6 = b.host_ip().find(':') != std::string::npos;
  if (a.host_ip().empty() || b.host_ip().empty()) return true;
  if (a6 != b6) return false;
  const auto any = [](const std::string& ip) { return ip == "0.0.0.0" || ip == "::"; };
  return any(a.host_ip()) || any(b.host_ip()) || a.host_ip() == b.host_ip();
}

bool Overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count) {
  return a < b + b_count && b < a + a_count;
}

}  // namespace

std::optional<PortRange> ParsePortRange(absl::string_view text) {
  const size_t dash = text.find('-');
  const std::optional<uint32_t> first = ParsePort(text.substr(0, dash));
  const std::optional<uint32_t> last =
      dash == absl::string_view::npos ? first : ParsePort(text.substr(dash + 1));
  if (!first.has_value() || !last.has_value() || *first == 0 || *last < *first) return std::nullopt;
  return PortRange{*first, *last};
}

bool IsExposedPort(absl::string_view text) {
  const size_t slash = text.find('/');
  if (slash != absl::string_view::npos && !IsProtocol(text.substr(slash + 1))) return false;
  return ParsePortRange(text.substr(0, slash)).has_value();
}

absl::StatusOr<std::vector<PortMapping>> ParsePublish(absl::string_view text) {
  std::vector<PortMapping> mappings;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    if (part == "fd") {
      if (mappings.empty()) return Bad(text, "expected a port before \"fd\"");
      if (mappings.back().protocol() == "sctp") return Bad(text, "a listener of sctp can't be handed over");
      mappings.back().set_pass_fd(true);
      continue;
    }
    ASSIGN_OR_RETURN(PortMapping mapping, ParseOne(text, part));
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

absl::Status CheckPortsDiffer(const google::protobuf::RepeatedPtrField<PortMapping>& ports) {
  for (int i = 0; i < ports.size(); ++i) {
    for (int j = i + 1; j < ports.size(); ++j) {
      const PortMapping& a = ports[i];
      const PortMapping& b = ports[j];
      if (a.host_port() == 0 || b.host_port() == 0 || a.protocol() != b.protocol() || !SameAddress(a, b) ||
          !Overlap(a.host_port(), a.count(), b.host_port(), b.count())) {
        continue;
      }
      return OptionError("publish", "",
                         absl::StrCat("port ", std::max(a.host_port(), b.host_port()), "/", a.protocol(),
                                      " of the host is wanted twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PortQuery> ParsePortQuery(absl::string_view text) {
  const size_t slash = text.find('/');
  PortQuery query;
  query.protocol = slash == absl::string_view::npos ? "tcp" : absl::AsciiStrToLower(text.substr(slash + 1));
  const std::optional<uint32_t> port = ParsePort(text.substr(0, slash));
  if (!port.has_value() || *port == 0 || !IsProtocol(query.protocol)) {
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat(
                            "\"", Printable(text), "\" is not a port: expected PORT[/tcp|udp|sctp]")),
                        125);
  }
  query.port = *port;
  return query;
}

}  // namespace coracle::cli
