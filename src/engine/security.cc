#include "engine/security.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/oci_runtime.h"
#include "oci/capability_names.h"
#include "oci/default_spec.h"
#include "oci/platform.h"
#include "oci/seccomp_profile.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

oci::KernelVersion Kernel() {
  utsname name = {};
  oci::KernelVersion version;
  if (uname(&name) == 0) (void)sscanf(name.release, "%d.%d", &version.major, &version.minor);
  return version;
}

absl::Status ResolveCapabilities(const ContainerConfig& config, Security& security) {
  const std::vector<std::string> add(config.cap_add().begin(), config.cap_add().end());
  const std::vector<std::string> drop(config.cap_drop().begin(), config.cap_drop().end());
  ASSIGN_OR_RETURN(security.capabilities,
                   oci::MergeCapabilities(oci::DefaultCapabilities(), add, drop, config.privileged()));
  for (const std::string& name : add) {
    ASSIGN_OR_RETURN(std::string capability, oci::NormalizeCapability(name));
    if (capability != "ALL") security.added.push_back(std::move(capability));
  }
  return absl::OkStatus();
}

absl::Status FilterFromFile(const std::string& path, const std::string& cache, Security& security) {
  ASSIGN_OR_RETURN(const std::string text, os::ReadFileAt(AT_FDCWD, path, oci::kMaxSeccompProfileBytes));
  ASSIGN_OR_RETURN(security.profile, oci::ParseSeccompProfile(text, security.capabilities,
                                                              oci::HostPlatform().architecture, Kernel()));
  ASSIGN_OR_RETURN(security.filter, runtime::CompileSeccomp(*security.profile, cache));
  return absl::OkStatus();
}

absl::Status DefaultFilter(const std::string& cache, bool want_profile, Security& security) {
  const std::string arch = oci::HostPlatform().architecture;
  const oci::KernelVersion kernel = Kernel();
  const std::string key = oci::DefaultSeccompKey(security.capabilities, arch, kernel);
  security.filter = runtime::CachedSeccomp(cache, key);
  if (security.filter.has_value() && !want_profile) return absl::OkStatus();
  security.profile = oci::DefaultSeccomp(security.capabilities, arch, kernel);
  if (security.filter.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(security.filter, runtime::CompileSeccompAs(*security.profile, cache, key));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Security> ResolveSecurity(const store::Store& store, const ContainerConfig& config,
                                         bool want_profile) {
  Security security;
  absl::Status status = ResolveCapabilities(config, security);
  if (!status.ok()) return WithExitCode(std::move(status), 125);
  if (config.privileged() || config.seccomp_profile() == "unconfined") return security;
  const std::string cache = absl::StrCat(store.root(), "/seccomp");
  if (config.seccomp_profile().empty()) {
    RETURN_IF_ERROR(DefaultFilter(cache, want_profile, security));
    return security;
  }
  status = FilterFromFile(config.seccomp_profile(), cache, security);
  if (!status.ok()) {
    return WithExitCode(Annotate(status, absl::StrCat("seccomp profile ", config.seccomp_profile())), 125);
  }
  return security;
}

bool StartsByHandover(const store::ContainerConfig& config) {
  const bool own_pids = config.pid_mode().empty() || config.pid_mode() == "private";
  const bool known_filter = config.seccomp_profile().empty() || config.seccomp_profile() == "unconfined";
  const bool built_in = config.runtime().empty() || config.runtime() == kBuiltInRuntime;
  return own_pids && known_filter && built_in && config.apparmor_profile().empty() &&
         config.selinux_label().empty();
}

}  // namespace coracle::engine
