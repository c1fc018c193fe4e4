#include "engine/cgroup_of.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/signal_name.h"
#include "base/status.h"

namespace coracle::engine {

runtime::CgroupRequest CgroupOf(const Engine& engine, const store::ContainerRecord& record) {
  const store::ContainerConfig& config = record.config();
  const std::string& parent = config.cgroup_parent();
  const std::string& manager =
      config.cgroup_manager().empty() ? engine.settings.cgroup_manager : config.cgroup_manager();
  runtime::CgroupRequest request;
  request.path = absl::StrCat(parent.empty() ? "/coracle" : parent, "/", record.id());
  request.disabled = config.cgroups() == "disabled";
  request.split = config.cgroups() == "split";
  // A scope begins with the monitor in it, and "no-conmon" has that stay in its caller's cgroup.
  const bool in_scope = !request.split && config.cgroups() != "no-conmon";
  request.systemd =
      in_scope && (manager == "systemd" || (manager.empty() && runtime::PrefersSystemdCgroups()));
  // systemd stops it as `stop` would; it takes a timeout of 0 for none.
  const auto signal = ParseSignal(config.stop_signal().empty() ? "SIGTERM" : config.stop_signal());
  if (signal.ok()) request.stop_signal = *signal;
  const uint32_t seconds = config.has_stop_timeout_seconds() ? config.stop_timeout_seconds() : 10;
  request.stop_timeout_seconds = std::max<uint32_t>(seconds, 1);
  return request;
}

absl::Status RemoveUnrecordedCgroup(const Engine& engine, const store::ContainerRecord& record) {
  ASSIGN_OR_RETURN(const auto cgroup, runtime::Cgroup::Find(CgroupOf(engine, record)));
  if (cgroup->paths().empty()) return absl::OkStatus();
  RETURN_IF_ERROR(cgroup->Remove(), "clean up container ", record.id());
  return absl::OkStatus();
}

absl::Status RemoveRecordedCgroup(const store::ContainerState& state, absl::string_view id) {
  const std::vector<std::string> paths(state.cgroup_paths().begin(), state.cgroup_paths().end());
  if (paths.empty()) return absl::OkStatus();
  const auto cgroup = runtime::Cgroup::Open(paths);
  if (cgroup.ok()) RETURN_IF_ERROR((*cgroup)->Remove(), "clean up container ", id);
  return absl::OkStatus();
}

}  // namespace coracle::engine
