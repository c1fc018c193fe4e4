#include "engine/joined_namespaces.h"

#include <fcntl.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

// `mode` is container:ID or ns:PATH; `kind` the name below /proc/PID/ns.
absl::Status AddJoined(Engine& engine, const std::string& mode, const char* type, const char* kind,
                       SpecInput& input) {
  absl::string_view rest = mode;
  if (absl::ConsumePrefix(&rest, "ns:")) {
    input.joined[type] = std::string(rest);
  } else if (absl::ConsumePrefix(&rest, "container:")) {
    ASSIGN_OR_RETURN(const ContainerView other, Look(engine, rest));
    if (!IsRunning(other)) {
      return WithExitCode(
          absl::FailedPreconditionError(absl::StrCat("cannot join the ", type, " namespace of container ",
                                                     rest, ": it is not running")),
          125);
    }
    input.joined[type] = absl::StrCat("/proc/", other.state.pid(), "/ns/", kind);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddNamespaces(Engine& engine, const ContainerConfig& config, SpecInput& input) {
  RETURN_IF_ERROR(AddJoined(engine, config.network_mode(), "network", "net", input));
  RETURN_IF_ERROR(AddJoined(engine, config.pid_mode(), "pid", "pid", input));
  RETURN_IF_ERROR(AddJoined(engine, config.ipc_mode(), "ipc", "ipc", input));
  RETURN_IF_ERROR(AddJoined(engine, config.uts_mode(), "uts", "uts", input));
  RETURN_IF_ERROR(AddJoined(engine, config.cgroupns_mode(), "cgroup", "cgroup", input));
  return AddJoined(engine, config.userns_mode(), "user", "user", input);
}

absl::Status ShareNameFiles(Engine& engine, const ContainerConfig& config, SpecInput& input) {
  absl::string_view mode = config.network_mode();
  if (!absl::ConsumePrefix(&mode, "container:")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const ContainerView other, Look(engine, mode));
  const std::string directory = engine.store.ContainerRunDir(other.record.id());
  const std::string hosts = absl::StrCat(directory, "/hosts"),
                    resolv = absl::StrCat(directory, "/resolv.conf");
  if (!config.no_hosts() && os::ExistsAt(AT_FDCWD, hosts)) input.hosts_file = hosts;
  if (input.resolv_file.empty() && os::ExistsAt(AT_FDCWD, resolv)) input.resolv_file = resolv;
  return absl::OkStatus();
}

}  // namespace coracle::engine
