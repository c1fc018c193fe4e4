// The options of `build` about how steps are run.
#include <arpa/inet.h>
#include <stdlib.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/size.h"
#include "base/status.h"
#include "cli/build_options.h"
#include "cli/container_options.h"
#include "cli/device_option.h"
#include "cli/network_syntax.h"
#include "engine/networks.h"

namespace coracle::cli {
namespace {

using build::BuildRequest;

bool IsAddress(const std::string& text) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), buffer) == 1 || inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

absl::Status ReadNetwork(const ParsedCommand& parsed, store::ContainerConfig& config) {
  ASSIGN_OR_RETURN(NetworkChoice choice, ParseNetworkOption(parsed.GetString("network")));
  config.set_network_mode(choice.mode.empty() ? engine::DefaultNetworkMode() : choice.mode);
  for (const std::string& option : choice.options) config.add_network_options(option);
  if (choice.mode == "bridge") *config.add_networks() = std::move(choice.attachment);
  for (const std::string& entry : parsed.GetList("add-host")) {
    // docker takes "=" as well.
    const size_t at = entry.find_first_of(":=");
    absl::string_view address = entry;
    address.remove_prefix(at == std::string::npos ? entry.size() : at + 1);
    if (absl::ConsumePrefix(&address, "[")) (void)absl::ConsumeSuffix(&address, "]");
    if (at == 0 || !IsAddress(std::string(address)))
      return OptionError("add-host", entry, "expected NAME:ADDRESS");
    config.add_host_entries(absl::StrCat(entry.substr(0, at), ":", address));
  }
  config.set_no_hosts(parsed.GetBool("no-hosts"));
  for (const std::string& server : parsed.GetList("dns")) {
    if (!IsAddress(server)) return OptionError("dns", server, "not an IP address");
    config.add_dns_servers(server);
  }
  for (const std::string& option : parsed.GetList("dns-option")) config.add_dns_options(option);
  for (const std::string& domain : parsed.GetList("dns-search")) config.add_dns_searches(domain);
  return absl::OkStatus();
}

void AddProxies(BuildRequest& request) {
  for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "HTTP_PROXY",
                           "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"}) {
    const auto given = request.build_args.find(name);
    const char* value = given != request.build_args.end() ? given->second.c_str() : getenv(name);
    if (value != nullptr && *value != '\0')
      request.proxy_environment.push_back(absl::StrCat(name, "=", value));
  }
}

// HOST:CONTAINER[:OPTIONS], for every RUN.
absl::Status ReadVolume(const std::string& text, BuildRequest& request) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || !absl::StartsWith(parts[0], "/") ||
      !absl::StartsWith(parts[1], "/")) {
    return OptionError("volume", text, "expected /HOST:/CONTAINER[:OPTIONS]");
  }
  char resolved[PATH_MAX];
  if (realpath(parts[0].c_str(), resolved) == nullptr)
    return OptionError("volume", text, ErrnoStatus(errno, parts[0]).message());
  oci::Mount mount{parts[1], "bind", resolved, {"rbind"}, {}, {}};
  const absl::string_view options = parts.size() == 3 ? absl::string_view(parts[2]) : "";
  for (const absl::string_view option : absl::StrSplit(options, ',', absl::SkipEmpty())) {
    if (option == "ro" || option == "rw" || option == "nosuid" || option == "nodev" || option == "noexec") {
      mount.options.emplace_back(option);
    } else if (option != "z" && option != "Z" && option != "private" && option != "rprivate") {
      return NotSupportedYet(absl::StrCat("--volume ", text, " (", option, ")"));
    }
  }
  request.volumes.push_back(std::move(mount));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadStepOptions(const ParsedCommand& parsed, BuildRequest& request) {
  store::ContainerConfig& config = request.run_config;
  RETURN_IF_ERROR(ReadNetwork(parsed, config));
  RETURN_IF_ERROR(ReadSecurityOptions(parsed, config));
  RETURN_IF_ERROR(ReadLimitOptions(parsed, config));
  if (config.limits().ByteSizeLong() == 0) config.clear_limits();
  if (parsed.WasSet("shm-size")) {
    ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(parsed.GetString("shm-size")), "--shm-size");
    if (bytes <= 0) return OptionError("shm-size", parsed.GetString("shm-size"), "must be more than 0");
    config.set_shm_size_bytes(static_cast<uint64_t>(bytes));
  }
  if (parsed.GetBool("http-proxy")) AddProxies(request);
  for (const std::string& text : parsed.GetList("volume")) RETURN_IF_ERROR(ReadVolume(text, request));
  for (const std::string& text : parsed.GetList("device"))
    RETURN_IF_ERROR(ReadDevice(text, *config.mutable_devices()));
  const std::string isolation = parsed.GetString("isolation");
  if (isolation == "chroot") {
    request.chroot_isolation = true;
  } else if (isolation != "oci" && isolation != "default" && isolation != "rootless") {
    return OptionError("isolation", isolation, "it is oci or chroot");
  }
  for (const std::string& entitlement : parsed.GetList("allow")) {
    if (entitlement == "security.insecure") {
      request.allow_insecure = true;
    } else if (entitlement != "network.host") {
      return NotSupportedYet(absl::StrCat("--allow ", entitlement));
    }
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
