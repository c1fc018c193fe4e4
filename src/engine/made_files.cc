#include "engine/made_files.h"

#include <fcntl.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "engine/environment.h"
#include "os/file.h"
#include "programs/embedded.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

std::string HostsText(const store::ContainerRecord& record) {
  const ContainerConfig& config = record.config();
  std::string text;
  if (config.network_mode() == "host") {
    auto host = os::ReadFileAt(AT_FDCWD, "/etc/hosts", 1 << 20);
    if (host.ok()) text = *std::move(host);
    if (!text.empty() && text.back() != '\n') text += '\n';
  } else {
    text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  }
  for (const std::string& entry : config.host_entries()) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(entry, absl::MaxSplits(':', 1));
    absl::StrAppend(&text, parts.second, "\t", parts.first, "\n");
  }
  if (config.network_mode() != "host")
    absl::StrAppend(&text, "127.0.0.1\t", HostnameOf(record), " ", record.name(), "\n");
  return text;
}

bool WantsResolv(const ContainerConfig& config) {
  return config.network_mode() == "host" || !config.dns_servers().empty() || !config.dns_searches().empty() ||
         !config.dns_options().empty();
}

std::string ResolvText(const ContainerConfig& config) {
  std::string text;
  if (config.dns_servers().empty() && config.network_mode() == "host") {
    auto host = os::ReadFileAt(AT_FDCWD, "/etc/resolv.conf", 1 << 20);
    if (host.ok()) text = *std::move(host);
    if (!text.empty() && text.back() != '\n') text += '\n';
  }
  if (!config.dns_searches().empty())
    absl::StrAppend(&text, "search ", absl::StrJoin(config.dns_searches(), " "), "\n");
  for (const std::string& server : config.dns_servers()) absl::StrAppend(&text, "nameserver ", server, "\n");
  if (!config.dns_options().empty())
    absl::StrAppend(&text, "options ", absl::StrJoin(config.dns_options(), " "), "\n");
  return text;
}

std::string ContainerEnvText(const store::ContainerRecord& record, bool user_namespace) {
  return absl::StrCat("engine=\"coracle\"\nname=\"", record.name(), "\"\nid=\"", record.id(), "\"\nimage=\"",
                      record.image_name(), "\"\nimageid=\"", record.image_id(),
                      "\"\nrootless=", user_namespace ? 1 : 0, "\n");
}

// Two containers that share a network namespace share its names too, so these files are the owner's business.
bool SharesNetwork(const ContainerConfig& config) {
  return absl::StartsWith(config.network_mode(), "container:");
}

}  // namespace

absl::Status MakeFiles(const store::ContainerRecord& record, const std::string& run_dir, SpecInput& input) {
  const ContainerConfig& config = record.config();
  const auto make = [&run_dir](const char* name, absl::string_view text, mode_t mode,
                               std::string& path) -> absl::Status {
    path = absl::StrCat(run_dir, "/", name);
    return os::WriteFileAt(AT_FDCWD, path, text, mode);
  };
  if (!config.no_hosts() && !SharesNetwork(config)) {
    RETURN_IF_ERROR(make("hosts", HostsText(record), 0644, input.hosts_file));
  }
  if (!config.no_hostname() && config.uts_mode() != "host") {
    RETURN_IF_ERROR(make("hostname", absl::StrCat(HostnameOf(record), "\n"), 0644, input.hostname_file));
  }
  if (WantsResolv(config)) RETURN_IF_ERROR(make("resolv.conf", ResolvText(config), 0644, input.resolv_file));
  RETURN_IF_ERROR(make("containerenv", ContainerEnvText(record, input.host.user_namespace), 0644,
                       input.containerenv_file));
  if (config.init()) RETURN_IF_ERROR(make("init", InitProgram(), 0755, input.init_program));
  return absl::OkStatus();
}

}  // namespace coracle::engine
