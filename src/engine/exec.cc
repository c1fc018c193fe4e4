#include "engine/exec.h"

#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/console.h"
#include "engine/environment.h"
#include "engine/host.h"
#include "engine/identity.h"
#include "engine/root_files.h"
#include "engine/spec_builder.h"
#include "monitor/exec_session.h"
#include "oci/default_spec.h"
#include "os/process_identity.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

absl::Status Refuse(const ContainerView& view, absl::string_view why) {
  return WithExitCode(absl::FailedPreconditionError(
                          absl::StrCat("cannot exec in container ", view.record.name(), ": it is ", why)),
                      125);
}

// The namespaces of the first process that are not ours. Asking the kernel is simpler than the record: it
// knows what was joined, and where we stand ourselves.
absl::StatusOr<oci::Linux> NamespacesOf(pid_t pid) {
  struct Kind {
    const char* type;
    const char* name;
  };
  static constexpr Kind kKinds[] = {{"user", "user"},     {"mount", "mnt"}, {"pid", "pid"},
                                    {"network", "net"},   {"ipc", "ipc"},   {"uts", "uts"},
                                    {"cgroup", "cgroup"}, {"time", "time"}};
  oci::Linux linux_config;
  for (const Kind& kind : kKinds) {
    const std::string path = absl::StrCat("/proc/", pid, "/ns/", kind.name);
    struct stat theirs, ours;
    if (stat(path.c_str(), &theirs) != 0) {
      if (errno == ENOENT && absl::string_view(kind.type) == "time") continue;  // before Linux 5.6
      return ErrnoStatus(errno, absl::StrCat("look at the container's ", kind.type, " namespace"));
    }
    if (stat(absl::StrCat("/proc/self/ns/", kind.name).c_str(), &ours) == 0 && ours.st_ino == theirs.st_ino)
      continue;
    linux_config.namespaces.push_back({kind.type, path});
  }
  return linux_config;
}

// The container's config with what this exec asks for instead.
store::ContainerConfig ConfigFor(const ContainerView& view, const ExecSpec& spec) {
  store::ContainerConfig config = view.record.config();
  if (!spec.user.empty()) config.set_user(spec.user);
  if (spec.privileged) config.set_privileged(true);
  return config;
}

absl::StatusOr<oci::Process> ProcessFor(const ContainerView& view, const store::ContainerConfig& config,
                                        const ExecSpec& spec, const Security& security) {
  oci::Process process;
  const RootFiles files({absl::StrCat("/proc/", view.state.pid(), "/root")});
  ASSIGN_OR_RETURN(Identity identity, ResolveIdentity(config, files));
  process.terminal = spec.tty;
  if (spec.tty) process.console_size = CallersConsoleSize();
  process.user = std::move(identity.user);
  if (config.has_umask()) process.user.umask = config.umask();
  process.args = spec.args;
  process.env = Environment(view.record, spec.env, identity.home, spec.tty);
  process.cwd = !spec.workdir.empty() ? spec.workdir : config.workdir().empty() ? "/" : config.workdir();
  process.no_new_privileges = config.no_new_privileges();
  process.apparmor_profile = config.apparmor_profile() == "unconfined" ? "" : config.apparmor_profile();
  if (config.has_oom_score_adj()) process.oom_score_adj = config.oom_score_adj();
  SpecInput input;
  input.record = &view.record;
  input.host = ProbeHost();
  input.user = process.user;
  input.capabilities = security.capabilities;
  input.added_capabilities = security.added;
  oci::Spec shell;
  shell.process = std::move(process);
  RETURN_IF_ERROR(AddSecurity(input, shell));
  RETURN_IF_ERROR(AddRlimits(input, shell));
  return *std::move(shell.process);
}

}  // namespace

absl::Status PlanExec(Engine& engine, const ContainerView& view, const ExecSpec& spec, PlannedExec& planned) {
  if (view.state.status() == store::PAUSED) return Refuse(view, "paused: unpause it first");
  if (!IsRunning(view)) return Refuse(view, absl::StrCat(StatusName(view), ", not running"));
  auto pidfd = os::OpenProcess(view.state.pid(), view.state.pid_start_time());
  if (!pidfd.ok()) return Refuse(view, "not running any more");
  planned.pidfd = *std::move(pidfd);
  const store::ContainerConfig config = ConfigFor(view, spec);
  ASSIGN_OR_RETURN(planned.security, ResolveSecurity(engine.store, config, /*want_profile=*/false));
  ASSIGN_OR_RETURN(planned.linux_config, NamespacesOf(view.state.pid()));
  ASSIGN_OR_RETURN(planned.process, ProcessFor(view, config, spec, planned.security));
  runtime::ExecRequest& request = planned.request;
  request.pid = view.state.pid();
  request.process = &planned.process;
  request.linux_config = &planned.linux_config;
  request.preserve_fds = spec.preserve_fds;
  if (planned.security.filter.has_value()) request.seccomp = &*planned.security.filter;
  request.cgroup_paths.assign(view.state.cgroup_paths().begin(), view.state.cgroup_paths().end());
  return absl::OkStatus();
}

absl::StatusOr<int> Exec(Engine& engine, const ContainerView& view, const ExecSpec& spec) {
  PlannedExec planned;
  RETURN_IF_ERROR(PlanExec(engine, view, spec, planned));
  store::AppendEvent(engine.store, store::ContainerEvent(view.record, "exec"));
  auto tell_end = [store = engine.store,
                   event = store::ContainerEvent(view.record, "exec_died")](int exit_code) mutable {
    event.set_exit_code(exit_code);
    event.set_unix_nanos(store::EventTime());
    store::AppendEvent(store, event);
  };
  if (spec.detach) {
    RETURN_IF_ERROR(monitor::StartDetachedExec(std::move(planned.request), tell_end).status());
    return 0;
  }
  monitor::ExecOptions options;
  options.interactive = spec.interactive;
  options.detach_keys = spec.detach_keys;
  ASSIGN_OR_RETURN(const monitor::ExecResult result, monitor::RunExec(std::move(planned.request), options));
  if (!result.detached) tell_end(result.exit_code.value_or(0));
  return result.exit_code.value_or(0);
}

}  // namespace coracle::engine
