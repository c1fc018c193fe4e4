#include "engine/update.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/default_limits.h"
#include "engine/locked_record.h"
#include "engine/spec_builder.h"
#include "monitor/attach_client.h"
#include "runtime/cgroup.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

// To the cgroup that it runs in; its directories may become more.
absl::Status ApplyLimits(Engine& engine, const ContainerView& view, const ContainerConfig& changed) {
  const oci::Resources resources = ChangedResources(view.record.config().limits(), changed.limits());
  const std::vector<std::string> paths(view.state.cgroup_paths().begin(), view.state.cgroup_paths().end());
  if (paths.empty()) {
    return WithExitCode(
        absl::FailedPreconditionError(
            absl::StrCat("it has no cgroup (this user may not make any on this host, or was told not to)")),
        125);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<runtime::Cgroup> cgroup, runtime::Cgroup::Open(paths));
  RETURN_IF_ERROR(cgroup->Update(resources, DefaultMemorySwap(changed)));
  if (cgroup->paths() == paths) return absl::OkStatus();
  store::ContainerState state = view.state;
  state.clear_cgroup_paths();
  for (const std::string& path : cgroup->paths()) state.add_cgroup_paths(path);
  return store::WriteState(engine.store, view.record.id(), state);
}

// Best effort: a monitor that is just ending needs no telling.
void TellMonitor(Engine& engine, const std::string& id) {
  const auto connection = monitor::ConnectAttach(engine.store.ContainerRunDir(id));
  if (connection.ok()) (void)monitor::SendReload(*connection);
}

bool SameLimits(const store::Limits& a, const store::Limits& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

}  // namespace

absl::Status UpdateContainer(Engine& engine, const ContainerView& before,
                             const std::function<absl::Status(ContainerConfig&)>& change) {
  const std::string id = before.record.id();
  ASSIGN_OR_RETURN(const LockedRecord locked, LockRecord(engine, id));
  const ContainerView& view = locked.view;
  store::ContainerRecord record = view.record;
  RETURN_IF_ERROR(change(*record.mutable_config()));
  const std::string& policy = record.config().restart().name();
  if (record.auto_remove() && !policy.empty() && policy != "no") {
    return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                            "container ", record.name(), " goes when it ends (--rm): --restart conflicts")),
                        125);
  }
  if (IsRunning(view) && !SameLimits(view.record.config().limits(), record.config().limits())) {
    RETURN_IF_ERROR(ApplyLimits(engine, view, record.config()), "update container ", record.name());
  }
  RETURN_IF_ERROR(store::UpdateContainer(engine.store, record, os::Durability::kDurable));
  TellMonitor(engine, id);
  store::AppendEvent(engine.store, store::ContainerEvent(record, "update"));
  return absl::OkStatus();
}

void ReloadPlan(const Engine& engine, const std::string& id, monitor::LaunchPlan& plan) {
  const auto record = store::ReadContainer(engine.store, id);
  const auto state = store::ReadState(engine.store, id);
  if (!record.ok() || !state.ok()) return;  // what was, goes on
  plan.restart = record->config().restart();
  *plan.state.mutable_cgroup_paths() = state->cgroup_paths();
  ReplaceLimits(record->config().limits(), plan.cgroup.resources);
  plan.cgroup.default_pids_limit = DefaultPidsLimit(record->config());
  plan.cgroup.default_memory_swap = DefaultMemorySwap(record->config());
}

}  // namespace coracle::engine
