// Signals, stop, pause, rename, removal.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/signal_name.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/create_volumes.h"
#include "engine/engine.h"
#include "engine/host_mount.h"
#include "engine/running_network.h"
#include "monitor/attach_client.h"
#include "os/file.h"
#include "os/process_identity.h"
#include "runtime/cgroup.h"
#include "storage/container_root.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

constexpr uint32_t kDefaultStopSeconds = 10;
// How long a monitor may take to tear down after its container was killed.
constexpr int kTearDownSeconds = 60;

absl::Status NotRunning(const ContainerView& view, absl::string_view what) {
  return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                          "cannot ", what, " container ", view.record.name(), ": it is ", StatusName(view))),
                      125);
}

absl::Status SendSignal(const ContainerView& view, int signal) {
  ASSIGN_OR_RETURN(const os::UniqueFd pidfd, os::OpenProcess(view.state.pid(), view.state.pid_start_time()));
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0) {
    return ErrnoStatus(errno,
                       absl::StrCat("send ", SignalName(signal), " to container ", view.record.name()));
  }
  return absl::OkStatus();
}

// Waits for the monitor's end: then all is recorded and torn down. False after `milliseconds`.
absl::StatusOr<bool> WaitForMonitor(const ContainerView& view, int64_t milliseconds) {
  const auto pidfd = os::OpenProcess(view.state.monitor_pid(), view.state.monitor_start_time());
  if (absl::IsNotFound(pidfd.status())) return true;
  RETURN_IF_ERROR(pidfd.status());
  pollfd wanted = {pidfd->get(), POLLIN, 0};
  for (;;) {
    const int ready = poll(&wanted, 1, milliseconds > INT32_MAX ? INT32_MAX : static_cast<int>(milliseconds));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return ErrnoStatus(errno, "wait for the container's end");
  }
}

// So that no restart policy brings it back.
void TellStopRequested(Engine& engine, const ContainerView& view) {
  const auto connection = monitor::ConnectAttach(engine.store.ContainerRunDir(view.record.id()));
  if (connection.ok())
    (void)monitor::SendStopRequested(*connection);  // a monitor just ending needs no telling
}

absl::Status Freezer(const ContainerView& view, bool freeze) {
  const std::vector<std::string> paths(view.state.cgroup_paths().begin(), view.state.cgroup_paths().end());
  if (paths.empty()) {
    return WithExitCode(absl::FailedPreconditionError(
                            absl::StrCat("cannot pause or unpause container ", view.record.name(),
                                         ": it has no cgroup (this user may not make any on this host)")),
                        125);
  }
  ASSIGN_OR_RETURN(const auto cgroup, runtime::Cgroup::Open(paths));
  return freeze ? cgroup->Freeze() : cgroup->Thaw();
}

absl::Status SetStatus(Engine& engine, const ContainerView& view, store::ContainerStatus status) {
  store::ContainerState state = view.state;
  state.set_status(status);
  return store::WriteState(engine.store, view.record.id(), state);
}

// The stop signal, then SIGKILL after the timeout.
absl::Status StopRunning(Engine& engine, const ContainerView& view, std::optional<uint32_t> timeout_seconds,
                         std::optional<int> signal) {
  const store::ContainerConfig& config = view.record.config();
  TellStopRequested(engine, view);
  if (view.state.status() == store::PAUSED) RETURN_IF_ERROR(Unpause(engine, view));
  int stop_signal = SIGTERM;
  if (signal.has_value()) {
    stop_signal = *signal;
  } else if (!config.stop_signal().empty()) {
    ASSIGN_OR_RETURN(stop_signal, ParseSignal(config.stop_signal()));
  }
  const uint32_t timeout = timeout_seconds.value_or(
      config.has_stop_timeout_seconds() ? config.stop_timeout_seconds() : kDefaultStopSeconds);
  if (timeout > 0) {
    const absl::Status sent = SendSignal(view, stop_signal);
    if (!sent.ok() && !absl::IsNotFound(sent)) return sent;
    ASSIGN_OR_RETURN(const bool ended, WaitForMonitor(view, int64_t{timeout} * 1000));
    if (ended) return absl::OkStatus();
  }
  const absl::Status killed = SendSignal(view, SIGKILL);
  if (!killed.ok() && !absl::IsNotFound(killed)) return killed;
  ASSIGN_OR_RETURN(const bool ended, WaitForMonitor(view, kTearDownSeconds * 1000));
  if (!ended) {
    return absl::DeadlineExceededError(absl::StrCat("container ", view.record.name(), " did not end within ",
                                                    kTearDownSeconds, " s of SIGKILL"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Kill(Engine& engine, const ContainerView& view, int signal) {
  if (!IsRunning(view)) return NotRunning(view, "kill");
  if (signal == SIGKILL) {
    TellStopRequested(engine, view);
    if (view.state.status() == store::PAUSED) RETURN_IF_ERROR(Unpause(engine, view));
  }
  RETURN_IF_ERROR(os::OpenProcess(view.state.pid(), view.state.pid_start_time()).status());
  store::EventRecord event = store::ContainerEvent(view.record, "kill");
  store::AddAttribute(event, "signal", absl::StrCat(signal));
  store::AppendEvent(engine.store, event);  // before the end that it may bring
  return SendSignal(view, signal);
}

absl::Status Stop(Engine& engine, const ContainerView& view, std::optional<uint32_t> timeout_seconds,
                  std::optional<int> signal) {
  if (view.state.status() == store::INITIALIZED) {
    RETURN_IF_ERROR(SendSignal(view, SIGKILL));
    return WaitForMonitor(view, kTearDownSeconds * 1000).status();
  }
  if (!IsRunning(view)) {
    if (!store::MonitorAlive(engine.store, view.record.id())) return absl::OkStatus();
    // Between two restarts, or about to end.
    TellStopRequested(engine, view);
    return WaitForMonitor(view, kTearDownSeconds * 1000).status();
  }
  RETURN_IF_ERROR(StopRunning(engine, view, timeout_seconds, signal));
  store::AppendEvent(engine.store, store::ContainerEvent(view.record, "stop"));
  return absl::OkStatus();
}

absl::Status Pause(Engine& engine, const ContainerView& view) {
  if (view.state.status() != store::RUNNING) return NotRunning(view, "pause");
  RETURN_IF_ERROR(Freezer(view, /*freeze=*/true), "pause container ", view.record.name());
  RETURN_IF_ERROR(SetStatus(engine, view, store::PAUSED));
  store::AppendEvent(engine.store, store::ContainerEvent(view.record, "pause"));
  return absl::OkStatus();
}

absl::Status Unpause(Engine& engine, const ContainerView& view) {
  if (view.state.status() != store::PAUSED) return NotRunning(view, "unpause");
  RETURN_IF_ERROR(Freezer(view, /*freeze=*/false), "unpause container ", view.record.name());
  RETURN_IF_ERROR(SetStatus(engine, view, store::RUNNING));
  store::AppendEvent(engine.store, store::ContainerEvent(view.record, "unpause"));
  return absl::OkStatus();
}

absl::Status Rename(Engine& engine, const ContainerView& view, const std::string& name) {
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
  ASSIGN_OR_RETURN(store::ContainerRecord record, store::ReadContainer(engine.store, view.record.id()));
  const std::string old_name = record.name();
  RETURN_IF_ERROR(store::RenameContainer(engine.store, record, name));
  store::EventRecord event = store::ContainerEvent(record, "rename");
  store::AddAttribute(event, "oldName", old_name);
  store::AppendEvent(engine.store, event);
  if (!IsRunning(view)) return absl::OkStatus();
  ContainerView renamed = view;
  renamed.record.set_name(name);
  return RenameRunning(engine, renamed);
}

absl::Status RemoveContainer(Engine& engine, const ContainerView& view, const RemoveRequest& request) {
  const std::string& policy = view.record.config().restart().name();
  const bool restarts =
      !policy.empty() && policy != "no" && store::MonitorAlive(engine.store, view.record.id());
  const bool alive = IsRunning(view) || view.state.status() == store::INITIALIZED || restarts;
  if (alive && !request.force) {
    return WithExitCode(WithHint(absl::FailedPreconditionError(
                                     absl::StrCat("cannot remove container ", view.record.name(), " (",
                                                  ShortId(view.record.id()), "): it is ", StatusName(view))),
                                 "stop it first or use --force"),
                        125);
  }
  // A container that has just ended may have its monitor for a moment longer: Stop waits for that too.
  RETURN_IF_ERROR(Stop(engine, view, request.timeout_seconds, std::nullopt));
  {
    ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
    if (store::MonitorAlive(engine.store, view.record.id())) {
      return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                              "cannot remove container ", view.record.name(), ": it was started meanwhile")),
                          125);
    }
    RETURN_IF_ERROR(ClearAfterMonitor(engine, view.record));
    RETURN_IF_ERROR(UnmountContainer(engine, view.record.id()).status());
    RETURN_IF_ERROR(storage::ReleaseRoot(engine.store, view.record.id()));
    FaultPoint("engine.remove.released");
    // The monitor of a --rm container, which has just ended, may have removed it and told of that.
    const bool is_there = store::ReadContainer(engine.store, view.record.id()).ok();
    RETURN_IF_ERROR(store::RemoveContainer(engine.store, view.record.id()));
    if (is_there) store::AppendEvent(engine.store, store::ContainerEvent(view.record, "remove"));
  }
  if (!request.volumes && !view.record.auto_remove()) return absl::OkStatus();
  return RemoveAnonymousVolumes(engine.store, AnonymousVolumesOf(view.record));
}

}  // namespace coracle::engine
