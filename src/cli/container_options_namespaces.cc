// Namespaces and the network.
#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/container_options.h"

namespace coracle::cli {
namespace {

using store::ContainerConfig;

bool IsJoin(absl::string_view mode) {
  return (absl::StartsWith(mode, "container:") && mode.size() > 10) || (absl::StartsWith(mode, "ns:/"));
}

// "" and "private" are the default. `extra` is one more word that this namespace knows.
absl::StatusOr<std::string> Mode(const ParsedCommand& parsed, absl::string_view option,
                                 absl::string_view extra = {}, absl::string_view extra2 = {}) {
  const std::string mode = parsed.GetString(option);
  if (mode.empty() || mode == "private") return std::string();
  if (mode == "host" || IsJoin(mode) || (!extra.empty() && mode == extra) ||
      (!extra2.empty() && mode == extra2)) {
    return mode;
  }
  return OptionError(option, mode, "expected private, host, container:ID or ns:PATH");
}

bool IsAddress(const std::string& text) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), buffer) == 1 || inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

absl::Status ReadHostEntries(const ParsedCommand& parsed, ContainerConfig& config) {
  for (const std::string& entry : parsed.GetList("add-host")) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(entry, absl::MaxSplits(':', 1));
    if (parts.first.empty() || parts.second.empty())
      return OptionError("add-host", entry, "expected NAME:ADDRESS");
    if (parts.second == "host-gateway") return NotSupportedYet("--add-host NAME:host-gateway");
    absl::string_view address = parts.second;
    if (absl::ConsumePrefix(&address, "[")) (void)absl::ConsumeSuffix(&address, "]");
    if (!IsAddress(std::string(address))) return OptionError("add-host", entry, "not an IP address");
    for (const absl::string_view name : absl::StrSplit(parts.first, ';', absl::SkipEmpty())) {
      config.add_host_entries(absl::StrCat(name, ":", address));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// PORT[-PORT][/tcp|udp|sctp]
bool IsPortRange(absl::string_view text) {
  const size_t slash = text.find('/');
  if (slash != absl::string_view::npos) {
    const absl::string_view protocol = text.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") return false;
    text = text.substr(0, slash);
  }
  uint32_t first = 0, last = 0;
  const size_t dash = text.find('-');
  if (!absl::SimpleAtoi(text.substr(0, dash), &first) || first == 0 || first > 65535) return false;
  if (dash == absl::string_view::npos) return true;
  return absl::SimpleAtoi(text.substr(dash + 1), &last) && last >= first && last <= 65535;
}

absl::Status ReadNetworkOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  const std::vector<std::string> networks = parsed.GetList("network");
  if (networks.size() > 1) return NotSupportedYet("more than one --network");
  const std::string mode = networks.empty() ? "none" : networks[0];
  if (mode != "none" && mode != "host" && !IsJoin(mode))
    return NotSupportedYet(absl::StrCat("--network ", mode));
  config.set_network_mode(mode);
  RETURN_IF_ERROR(ReadHostEntries(parsed, config));
  config.set_no_hosts(parsed.GetBool("no-hosts"));
  if (config.no_hosts() && config.host_entries_size() > 0)
    return OptionError("no-hosts", "true", "conflicts with --add-host");
  for (const std::string& server : parsed.GetList("dns")) {
    if (!IsAddress(server)) return OptionError("dns", server, "not an IP address");
    config.add_dns_servers(server);
  }
  for (const std::string& option : parsed.GetList("dns-option")) config.add_dns_options(option);
  for (const std::string& domain : parsed.GetList("dns-search")) config.add_dns_searches(domain);
  for (const std::string& port : parsed.GetList("expose")) {
    if (!IsPortRange(port)) return OptionError("expose", port, "expected PORT[-PORT][/tcp|udp|sctp]");
    config.add_exposed_ports(port);
  }
  return absl::OkStatus();
}

absl::Status ReadNamespaceOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  ASSIGN_OR_RETURN(const std::string pid, Mode(parsed, "pid"));
  ASSIGN_OR_RETURN(const std::string ipc, Mode(parsed, "ipc", "shareable", "none"));
  ASSIGN_OR_RETURN(const std::string uts, Mode(parsed, "uts"));
  ASSIGN_OR_RETURN(const std::string cgroupns, Mode(parsed, "cgroupns"));
  config.set_pid_mode(pid);
  config.set_ipc_mode(ipc);
  config.set_uts_mode(uts);
  config.set_cgroupns_mode(cgroupns);
  if (uts == "host" && !config.hostname().empty())
    return OptionError("hostname", config.hostname(), "conflicts with --uts host");
  const std::string userns = parsed.GetString("userns");
  if (!userns.empty() && userns != "host" && !IsJoin(userns))
    return NotSupportedYet(absl::StrCat("--userns ", userns));
  config.set_userns_mode(userns);
  if (!parsed.GetList("uidmap").empty()) return NotSupportedYet("--uidmap");
  if (!parsed.GetList("gidmap").empty()) return NotSupportedYet("--gidmap");
  return absl::OkStatus();
}

}  // namespace coracle::cli
