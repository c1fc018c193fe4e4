// Looking at containers, and cleaning up behind monitors that were killed.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/bridge_network.h"
#include "engine/cgroup_of.h"
#include "engine/create_volumes.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "os/file.h"
#include "storage/container_root.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::ContainerState;

bool SaysAlive(const ContainerState& state) {
  switch (state.status()) {
    case store::INITIALIZED:
    case store::RUNNING:
    case store::PAUSED:
    case store::STOPPING:
      return true;
    default:
      return false;
  }
}

// Whether a monitor was to bring this container to its end. Its last word (FinishRun in start.cc) has no
// start time: an exit with one is that of a monitor between two runs, or that was just about to record the
// end.
bool HadMonitor(const ContainerState& state) {
  return SaysAlive(state) || (state.status() == store::EXITED && state.started_unix_nanos() != 0);
}

// What a killed `run --rm` left before its monitor lived. Who is just creating or starting it holds its op
// lock.
bool IsAbandoned(const Engine& engine, const ContainerView& view) {
  return view.record.auto_remove() && view.record.started_by_creator() &&
         view.state.status() == store::UNKNOWN && !view.exit.has_value() &&
         !store::MonitorAlive(engine.store, view.record.id()) &&
         !store::FileLock::IsHeld(absl::StrCat(engine.store.ContainerRunDir(view.record.id()), "/op"));
}

absl::Status RemoveAbandoned(Engine& engine, const ContainerView& view) {
  {
    ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
    RETURN_IF_ERROR(RemoveUnrecordedCgroup(engine, view.record));
    RETURN_IF_ERROR(CleanUpNetworks(engine.store, view.record.id()), "clean up container ", view.record.id());
    (void)storage::ReleaseRoot(engine.store, view.record.id());
    RETURN_IF_ERROR(store::RemoveContainer(engine.store, view.record.id()));
    store::AppendEvent(engine.store, store::ContainerEvent(view.record, "remove"));
  }
  return RemoveAnonymousVolumes(engine.store, AnonymousVolumesOf(view.record));
}

std::string LivenessLock(const Engine& engine, const std::string& id) {
  return absl::StrCat(engine.store.ContainerRunDir(id), "/lock");
}

// A start whose monitor was killed before it recorded that it runs: the lock file stays, and perhaps a
// cgroup. Whoever starts it now holds the op lock.
absl::Status CleanUpKilledStart(Engine& engine, const ContainerView& view) {
  const std::string& id = view.record.id();
  if (store::MonitorAlive(engine.store, id)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, id));
  ASSIGN_OR_RETURN(const ContainerState state, store::ReadState(engine.store, id));
  if (state.status() != store::UNKNOWN || store::MonitorAlive(engine.store, id)) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveUnrecordedCgroup(engine, view.record));
  RETURN_IF_ERROR(CleanUpNetworks(engine.store, id), "clean up container ", id);
  (void)unlink(LivenessLock(engine, id).c_str());  // best effort: next time there is nothing to do either
  return absl::OkStatus();
}

// Whether it was started since the machine was: a monitor makes this file its lock and never removes it. For
// the others, which may be many, there is no state to read.
bool WasStarted(const Engine& engine, const std::string& id) {
  return os::ExistsAt(AT_FDCWD, LivenessLock(engine, id));
}

// The rest of a container whose record is read. Errors: NotFound if cleaning up removed it.
absl::Status Complete(Engine& engine, ContainerView& view) {
  const std::string id = view.record.id();
  const bool started = WasStarted(engine, id);
  if (started) {
    ASSIGN_OR_RETURN(view.state, store::ReadState(engine.store, id));
  }
  if (HadMonitor(view.state) && !store::MonitorAlive(engine.store, id)) {
    RETURN_IF_ERROR(Reconcile(engine, id));
    // A --rm container is gone now, which reads as NotFound.
    ASSIGN_OR_RETURN(view.record, store::ReadContainer(engine.store, id));
    ASSIGN_OR_RETURN(view.state, store::ReadState(engine.store, id));
  }
  if (!SaysAlive(view.state)) {
    auto exit =
        view.record.auto_remove() ? store::ReadExit(engine.store, id) : store::ReadOwnExit(engine.store, id);
    if (exit.ok()) view.exit = *std::move(exit);
  }
  view.health = HealthOf(engine, view);
  if (IsAbandoned(engine, view)) {
    RETURN_IF_ERROR(RemoveAbandoned(engine, view));
    return absl::NotFoundError(absl::StrCat("container ", id, " was left by a killed run"));
  }
  return started && view.state.status() == store::UNKNOWN ? CleanUpKilledStart(engine, view)
                                                          : absl::OkStatus();
}

absl::StatusOr<ContainerView> Read(Engine& engine, const std::string& id) {
  ContainerView view;
  ASSIGN_OR_RETURN(view.record, store::ReadContainer(engine.store, id));
  RETURN_IF_ERROR(Complete(engine, view));
  return view;
}

// The monitor is gone and had no time to say how its container ended.
absl::Status RecordUnknownExit(Engine& engine, const store::ContainerRecord& record,
                               const ContainerState& state) {
  store::ExitRecord exit;
  exit.set_exit_code(255);
  exit.set_unknown(true);
  exit.set_started_unix_nanos(state.started_unix_nanos());
  exit.set_error("the monitor of this container was killed: its exit code is not known");
  exit.set_container_id(record.id());
  exit.set_container_name(record.name());
  if (record.auto_remove()) {
    (void)store::WriteTombstone(engine.store, exit);  // wait(1) of a --rm container: best effort
    (void)storage::ReleaseRoot(engine.store, record.id());
    return store::RemoveContainer(engine.store, record.id());
  }
  RETURN_IF_ERROR(store::WriteExit(engine.store, record.id(), exit));
  ContainerState ended;
  ended.set_status(store::EXITED);
  ended.set_boot_id(store::BootId());
  RETURN_IF_ERROR(store::WriteState(engine.store, record.id(), ended));
  return storage::ReleaseRoot(engine.store, record.id());
}

}  // namespace

namespace {

// `gone` becomes the record of a --rm container that is removed.
absl::Status ReconcileLocked(Engine& engine, const std::string& id, store::ContainerRecord& gone) {
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, id));
  ASSIGN_OR_RETURN(const ContainerState state, store::ReadState(engine.store, id));
  if (!HadMonitor(state) || store::MonitorAlive(engine.store, id))
    return absl::OkStatus();  // someone was faster
  RETURN_IF_ERROR(RemoveRecordedCgroup(state, id));
  RETURN_IF_ERROR(CleanUpNetworks(engine.store, id), "clean up container ", id);
  ASSIGN_OR_RETURN(const store::ContainerRecord record, store::ReadContainer(engine.store, id));
  if (record.auto_remove()) gone = record;
  RETURN_IF_ERROR(RecordUnknownExit(engine, record, state));
  std::vector<store::EventRecord> events = {store::ContainerEvent(record, "died")};
  events[0].set_exit_code(255);
  if (record.auto_remove()) events.push_back(store::ContainerEvent(record, "remove"));
  store::AppendEvents(engine.store, events);
  return absl::OkStatus();
}

}  // namespace

absl::Status ClearAfterMonitor(Engine& engine, const store::ContainerRecord& record) {
  if (!WasStarted(engine, record.id()) || store::MonitorAlive(engine.store, record.id()))
    return absl::OkStatus();
  ASSIGN_OR_RETURN(const ContainerState state, store::ReadState(engine.store, record.id()));
  if (!HadMonitor(state) && state.status() != store::UNKNOWN) return absl::OkStatus();
  RETURN_IF_ERROR(CleanUpNetworks(engine.store, record.id()), "clean up container ", record.id());
  return HadMonitor(state) ? RemoveRecordedCgroup(state, record.id())
                           : RemoveUnrecordedCgroup(engine, record);
}

absl::Status Reconcile(Engine& engine, const std::string& id) {
  store::ContainerRecord gone;
  RETURN_IF_ERROR(ReconcileLocked(engine, id, gone));
  return RemoveAnonymousVolumes(engine.store, AnonymousVolumesOf(gone));
}

absl::string_view StatusName(const ContainerView& view) {
  switch (view.state.status()) {
    case store::INITIALIZED:
      return "initialized";
    case store::RUNNING:
      return "running";
    case store::PAUSED:
      return "paused";
    case store::STOPPING:
      return "stopping";
    case store::REMOVING:
      return "removing";
    case store::EXITED:
      return "exited";
    default:
      return view.exit.has_value() ? "exited" : "created";
  }
}

bool IsRunning(const ContainerView& view) {
  return view.state.status() == store::RUNNING || view.state.status() == store::PAUSED ||
         view.state.status() == store::STOPPING;
}

absl::StatusOr<ContainerView> Look(Engine& engine, absl::string_view name_or_id) {
  RETURN_IF_ERROR(engine.store.CheckVersion());
  const auto id = store::ResolveContainer(engine.store, name_or_id);
  if (!id.ok()) return WithExitCode(id.status(), 125);
  return Read(engine, *id);
}

absl::StatusOr<std::vector<ContainerView>> LookAll(Engine& engine, bool sweep) {
  std::vector<std::pair<std::string, absl::Status>> damaged;
  bool half_made = false;
  ASSIGN_OR_RETURN(std::vector<store::ContainerRecord> records,
                   store::ReadAllContainers(engine.store, &damaged, &half_made));
  // Best effort: without the user namespace not all of it can go.
  if (sweep) (void)store::SweepAfterReading(engine.store, records.size() + damaged.size(), half_made);
  if (!damaged.empty()) return damaged.front().second;
  std::vector<ContainerView> views;
  views.reserve(records.size());
  for (store::ContainerRecord& record : records) {
    ContainerView& view = views.emplace_back();
    view.record = std::move(record);
    const absl::Status status = Complete(engine, view);
    if (status.ok()) continue;
    views.pop_back();
    if (!absl::IsNotFound(status)) return status;  // else removed since it was listed
  }
  std::sort(views.begin(), views.end(), [](const ContainerView& a, const ContainerView& b) {
    return a.record.created_unix_nanos() > b.record.created_unix_nanos();
  });
  return views;
}

absl::StatusOr<ContainerView> Latest(Engine& engine) {
  ASSIGN_OR_RETURN(std::vector<ContainerView> views, LookAll(engine));
  if (views.empty()) return WithExitCode(absl::NotFoundError("no containers exist"), 125);
  return std::move(views.front());
}

}  // namespace coracle::engine
