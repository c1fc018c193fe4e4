// Waiting for a container to reach a state.
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/engine.h"
#include "os/process_identity.h"

namespace coracle::engine {
namespace {

bool IsHealth(const std::string& condition) { return condition == "healthy" || condition == "unhealthy"; }

// A condition in podman's or docker's word against what is there.
bool Holds(const std::string& condition, const ContainerView& view) {
  const absl::string_view status = StatusName(view);
  if (condition == "stopped" || condition == "not-running") return !IsRunning(view);
  if (condition == "configured") return status == "created";
  if (IsHealth(condition)) {
    return IsRunning(view) && view.health.has_value() && view.health->status() == condition;
  }
  return condition == status;
}

// Who waits for nothing but health waits in vain if nobody checks it, or the container has ended.
absl::Status CheckHealthCanCome(const std::vector<std::string>& conditions, const ContainerView& view) {
  const bool only_health = !conditions.empty() && std::all_of(conditions.begin(), conditions.end(), IsHealth);
  if (!only_health) return absl::OkStatus();
  const char* why = !view.health.has_value()       ? "has no health check"
                    : StatusName(view) == "exited" ? "has ended"
                                                   : nullptr;
  if (why == nullptr) return absl::OkStatus();
  return WithExitCode(absl::FailedPreconditionError(absl::StrCat("container ", view.record.name(), " ", why)),
                      125);
}

absl::StatusOr<int> TombstoneCode(Engine& engine, const std::string& id) {
  const auto exit = store::ReadExit(engine.store, id);
  return exit.ok() ? exit->exit_code() : -1;
}

// Returns when something changed: a file of the run directory, or the end of the monitor.
absl::Status WaitForChange(Engine& engine, const ContainerView& view, int watch) {
  os::UniqueFd monitor;
  if (view.state.monitor_pid() != 0) {
    auto opened = os::OpenProcess(view.state.monitor_pid(), view.state.monitor_start_time());
    if (absl::IsNotFound(opened.status())) return absl::OkStatus();
    RETURN_IF_ERROR(opened.status());
    monitor = *std::move(opened);
  }
  pollfd wanted[] = {{watch, POLLIN, 0}, {monitor.get(), POLLIN, 0}};
  // The bound covers what has no event: a directory replaced while the watch was being set.
  constexpr int kAtMostMilliseconds = 5000;
  while (poll(wanted, monitor.valid() ? 2 : 1, kAtMostMilliseconds) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, absl::StrCat("wait for container ", view.record.name()));
  }
  char events[4096];
  (void)!read(watch, events, sizeof(events));  // their content does not matter
  (void)engine;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> Wait(Engine& engine, const std::string& id, const std::vector<std::string>& conditions) {
  const bool wants_removed = std::find(conditions.begin(), conditions.end(), "removed") != conditions.end();
  const bool only_removed = wants_removed && conditions.size() == 1;
  os::UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.valid()) return ErrnoStatus(errno, "watch for changes");
  const std::string directories[] = {engine.store.ContainerRunDir(id), engine.store.ContainerDir(id)};
  for (const std::string& directory : directories) {
    (void)inotify_add_watch(watch.get(), directory.c_str(),
                            IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_CREATE);
  }
  for (;;) {
    // The monitor says EXITED before it has recorded the exit, and between two restarts: what is seen is the
    // end only if it was gone before we looked.
    const bool had_monitor = store::MonitorAlive(engine.store, id);
    const auto view = Look(engine, id);
    if (absl::IsNotFound(view.status())) return TombstoneCode(engine, id);
    RETURN_IF_ERROR(view.status());
    const bool done = conditions.empty() ? !IsRunning(*view) && view->state.status() != store::INITIALIZED &&
                                               StatusName(*view) != "created"
                                         : std::any_of(conditions.begin(), conditions.end(),
                                                       [&](const std::string& c) { return Holds(c, *view); });
    const bool ending = StatusName(*view) == "exited" && had_monitor;
    if (done && !ending && !only_removed) return view->exit.has_value() ? view->exit->exit_code() : -1;
    RETURN_IF_ERROR(CheckHealthCanCome(conditions, *view));
    RETURN_IF_ERROR(WaitForChange(engine, *view, watch.get()));
  }
}

}  // namespace coracle::engine
