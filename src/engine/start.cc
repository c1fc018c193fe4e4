// Starting a container: from its record to a monitor that runs it.
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/signal_name.h"
#include "base/status.h"
#include "engine/cgroup_of.h"
#include "engine/console.h"
#include "engine/container_network.h"
#include "engine/create_volumes.h"
#include "engine/default_limits.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/host.h"
#include "engine/host_devices.h"
#include "engine/identity.h"
#include "engine/joined_namespaces.h"
#include "engine/made_files.h"
#include "engine/mount_plan.h"
#include "engine/name_files.h"
#include "engine/oci_runtime.h"
#include "engine/root_files.h"
#include "engine/run_events.h"
#include "engine/security.h"
#include "engine/spec_builder.h"
#include "engine/update.h"
#include "os/file.h"
#include "os/process.h"
#include "storage/container_root.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;
using store::ContainerRecord;

// ---- the plan ----

struct Prepared {
  storage::PreparedRoot root;
  monitor::LaunchPlan plan;
};

absl::Status AddIdentity(const ContainerRecord& record, const storage::PreparedRoot& root, SpecInput& input) {
  ASSIGN_OR_RETURN(Identity identity, ResolveIdentity(record.config(), FilesOf(root)));
  input.user = std::move(identity.user);
  input.home = std::move(identity.home);
  return absl::OkStatus();
}

void FillCgroup(const Engine& engine, const ContainerRecord& record, monitor::LaunchPlan& plan) {
  plan.cgroup = CgroupOf(engine, record);
  if (plan.spec.linux_config.resources.has_value()) plan.cgroup.resources = *plan.spec.linux_config.resources;
  plan.cgroup.default_pids_limit = DefaultPidsLimit(record.config());
  plan.cgroup.default_memory_swap = DefaultMemorySwap(record.config());
  plan.spec.linux_config.cgroups_path = plan.cgroup.path;
  // Another runtime is told all by the specification, where every limit is one that was asked for.
  if (plan.external_runtime.empty() || !plan.cgroup.default_pids_limit.has_value()) return;
  if (!runtime::CgroupControllerUsable("pids")) return;
  if (!plan.spec.linux_config.resources.has_value()) plan.spec.linux_config.resources.emplace();
  plan.spec.linux_config.resources->pids_limit = plan.cgroup.default_pids_limit;
}

void FillFromConfig(const ContainerRecord& record, const StartRequest& request, monitor::LaunchPlan& plan) {
  const ContainerConfig& config = record.config();
  plan.id = record.id();
  plan.name = record.name();
  plan.log = config.log();
  if (plan.log.path().empty()) plan.log.set_path(absl::StrCat(plan.container_dir, "/ctr.log"));
  plan.restart = config.restart();
  plan.tty = config.tty();
  plan.open_stdin = config.open_stdin();
  plan.foreground = request.foreground;
  plan.passthrough = config.log().driver() == "passthrough";
  plan.hold = request.hold;
  plan.timeout_seconds = config.timeout_seconds();
  plan.stop_timeout_seconds = config.has_stop_timeout_seconds() ? config.stop_timeout_seconds() : 10;
  const auto signal = ParseSignal(config.stop_signal().empty() ? "SIGTERM" : config.stop_signal());
  plan.stop_signal = signal.ok() ? *signal : 15;
  plan.sdnotify = config.sdnotify();
  plan.pid_file = config.pid_file();
  plan.monitor_pid_file = config.monitor_pid_file();
  plan.preserve_fds = request.preserve_fds;
}

// What the monitor keeps of a record: it waits for hours with it.
struct Ending {
  std::string id, name;
  bool auto_remove = false;
  std::vector<std::string> volumes;  // that go with it
  std::shared_ptr<RunEvents> events;
};

// What the monitor does when the container has ended for good: the exit is recorded first, so that nobody who
// sees the container gone misses its code.
void FinishRun(Engine& engine, const Ending& ending, const monitor::ExitInfo& info) {
  store::ExitRecord exit;
  exit.set_exit_code(info.exit_code);
  exit.set_started_unix_nanos(info.started_unix_nanos);
  exit.set_finished_unix_nanos(info.finished_unix_nanos);
  exit.set_oom_killed(info.oom_killed);
  exit.set_error(info.error);
  exit.set_restart_count(info.restart_count);
  exit.set_container_id(ending.id);
  exit.set_container_name(ending.name);
  if (ending.auto_remove) {
    ending.events->NoteName();
    (void)store::WriteTombstone(engine.store, exit);      // a full runroot must not keep the container
    (void)storage::ReleaseRoot(engine.store, ending.id);  // best effort, the sweep finds it
    (void)store::RemoveContainer(engine.store, ending.id, store::Deletion::kLater);
    (void)RemoveAnonymousVolumes(engine.store, ending.volumes);  // what stays, the next sweep finds
    ending.events->Ended(info, "remove");
    return;
  }
  (void)store::WriteExit(engine.store, ending.id, exit);
  store::ContainerState state;
  state.set_status(store::EXITED);
  state.set_boot_id(store::BootId());
  // Who waits for the end waits for this process: all is torn down only when it is gone.
  state.set_monitor_pid(getpid());
  const auto started = os::StartTimeOf(getpid());
  if (started.ok()) state.set_monitor_start_time(*started);
  (void)store::WriteState(engine.store, ending.id, state);
  (void)storage::ReleaseRoot(engine.store, ending.id);
  ending.events->NoteName();
  ending.events->Ended(info, "cleanup");
}

absl::StatusOr<Prepared> Prepare(Engine& engine, const ContainerRecord& record, const StartRequest& request) {
  Prepared prepared;
  monitor::LaunchPlan& plan = prepared.plan;
  plan.run_dir = engine.store.ContainerRunDir(record.id());
  plan.container_dir = engine.store.ContainerDir(record.id());
  plan.bundle = plan.run_dir;
  RETURN_IF_ERROR(os::MakeDirectories(plan.run_dir, 0700));  // gone after a reboot
  ASSIGN_OR_RETURN(prepared.root, storage::PrepareRoot(engine.store, record, engine.settings.storage_driver));

  SpecInput input;
  input.record = &record;
  input.host = ProbeHost();
  input.root_path =
      prepared.root.overlay.has_value() ? absl::StrCat(plan.run_dir, "/root") : prepared.root.path;
  RETURN_IF_ERROR(AddIdentity(record, prepared.root, input));
  ASSIGN_OR_RETURN(MountPlan mounts, PlanMounts(engine, record, prepared.root, input.user));
  input.user_mounts = std::move(mounts.mounts);
  plan.trees = std::move(mounts.trees);
  RETURN_IF_ERROR(AddNamespaces(engine, record.config(), input));
  RETURN_IF_ERROR(AddDevices(record.config(), input));
  RETURN_IF_ERROR(MakeFiles(engine.store, record, plan.run_dir, input));
  RETURN_IF_ERROR(ShareNameFiles(engine, record.config(), input));
  ASSIGN_OR_RETURN(input.link_env, LinkEnvironment(engine.store, record));
  ASSIGN_OR_RETURN(const std::string runtime, ResolveRuntime(record.config().runtime()));
  ASSIGN_OR_RETURN(Security security,
                   ResolveSecurity(engine.store, record.config(), /*want_profile=*/!runtime.empty()));
  input.capabilities = std::move(security.capabilities);
  input.added_capabilities = std::move(security.added);
  input.seccomp = std::move(security.profile);
  plan.seccomp = std::move(security.filter);
  plan.external_runtime = runtime;
  if (!runtime.empty() && record.config().cgroups() == "split") {
    return WithExitCode(absl::UnimplementedError(absl::StrCat("--runtime ", runtime,
                                                              " with --cgroups split is not supported yet")),
                        125);
  }
  if (!runtime.empty() && !plan.trees.empty()) {
    return WithExitCode(
        absl::UnimplementedError(absl::StrCat(
            "--runtime ", runtime, " with a mount of an image, overlay, subpath or file system at ",
            plan.trees.front().first, " is not supported yet")),
        125);
  }
  ASSIGN_OR_RETURN(plan.spec, BuildSpec(input));
  if (record.config().tty() && request.foreground) plan.spec.process->console_size = CallersConsoleSize();
  plan.root_overlay = prepared.root.overlay;
  FillFromConfig(record, request, plan);
  FillCgroup(engine, record, plan);
  plan.state.set_boot_id(store::BootId());
  plan.health = HealthPlanOf(engine, record);
  plan.start_command = engine.settings.own_command;
  plan.start_command.insert(plan.start_command.end(), {"start", record.id()});
  plan.reload = [engine = &engine, id = record.id()](monitor::LaunchPlan& changed) {
    ReloadPlan(*engine, id, changed);
  };
  const auto events = std::make_shared<RunEvents>(engine.store, record, request.foreground);
  plan.on_begin = [events](absl::Span<const absl::string_view> what) { events->Began(what); };
  plan.on_pause = [events](const monitor::ExitInfo& info) { events->Ended(info, "cleanup"); };
  plan.on_end = [engine = &engine, ending = Ending{record.id(), record.name(), record.auto_remove(),
                                                   AnonymousVolumesOf(record), events}](
                    const monitor::ExitInfo& info) { FinishRun(*engine, ending, info); };
  if (record.auto_remove()) {
    // What can't be deleted now, the next sweep finds.
    plan.after_end = [engine = &engine, id = record.id()] {
      (void)store::RemoveContainer(engine->store, id);
      (void)store::EmptyTrash(engine->store);
    };
  }
  return prepared;
}

absl::StatusOr<monitor::Launched> Start(Engine& engine, const ContainerRecord& record,
                                        const StartRequest& request) {
  ASSIGN_OR_RETURN(Prepared prepared, Prepare(engine, record, request));
  ASSIGN_OR_RETURN(store::FileLock lock, store::FileLock::Try(absl::StrCat(prepared.plan.run_dir, "/lock")),
                   "container ", record.name(), " is being started or run by another process");
  // What an earlier run left: from here to the monitor's first state this is a container being started.
  RETURN_IF_ERROR(store::ClearState(engine.store, record.id()));
  FaultPoint("engine.start.prepared");
  ASSIGN_OR_RETURN(const std::function<void()> release, AddNetwork(engine, record, prepared.plan));
  absl::StatusOr<monitor::Launched> launched = monitor::Launch(std::move(prepared.plan), std::move(lock));
  FaultPoint("engine.start.launched");
  if (!launched.ok() && release) release();
  return launched;
}

}  // namespace

absl::StatusOr<monitor::Launched> StartContainer(Engine& engine, const ContainerRecord& record,
                                                 const StartRequest& request) {
  // Before anything that would have to be undone: what is there is the running container's.
  if (store::MonitorAlive(engine.store, record.id())) {
    return absl::FailedPreconditionError(absl::StrCat("container ", record.name(), " is already running"));
  }
  absl::StatusOr<monitor::Launched> launched = Start(engine, record, request);
  if (launched.ok()) {
    if (!record.auto_remove()) store::MarkStarted(engine.store, record.id());
    return launched;
  }
  // A monitor that was killed while it started left its cgroup.
  (void)ClearAfterMonitor(engine, record);
  (void)storage::ReleaseRoot(engine.store, record.id());  // the error below is the one to tell
  if (request.remove_on_error) {
    (void)store::RemoveContainer(engine.store, record.id());
    (void)RemoveAnonymousVolumes(engine.store, AnonymousVolumesOf(record));
    store::AppendEvent(engine.store, store::ContainerEvent(record, "remove"));
  }
  return launched;
}

}  // namespace coracle::engine
