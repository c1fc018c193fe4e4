#include "engine/container_network.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/bridge_network.h"
#include "engine/networks.h"
#include "engine/shared_network.h"
#include "engine/user_network.h"

namespace coracle::engine {
namespace {

// Sockets that hold ports go to the container's program, which is told of them as systemd would
// (sd_listen_fds(3)).
void PassSockets(const store::ContainerRecord& record, std::vector<int> sockets, monitor::LaunchPlan& plan) {
  if (sockets.empty()) return;
  // The program is the first process, or the first that the init program starts.
  const int pid = record.config().init() ? 2 : 1;
  plan.spec.process->env.push_back(absl::StrCat("LISTEN_FDS=", plan.preserve_fds + sockets.size()));
  if (record.config().pid_mode().empty() || record.config().pid_mode() == "private") {
    plan.spec.process->env.push_back(absl::StrCat("LISTEN_PID=", pid));
  }
  plan.passed_fds = std::move(sockets);
}

// What another runtime could not do.
absl::Status CheckPassedPorts(const store::ContainerRecord& record, const monitor::LaunchPlan& plan) {
  if (plan.external_runtime.empty()) return absl::OkStatus();
  for (const store::PortMapping& port : record.config().ports()) {
    if (!port.pass_fd()) continue;
    return WithExitCode(absl::UnimplementedError("--publish with \",fd\" and --runtime is not supported yet"),
                        125);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::function<void()>> AddNetwork(Engine& engine, const store::ContainerRecord& record,
                                                 monitor::LaunchPlan& plan) {
  std::function<void()> release;
  RETURN_IF_ERROR(CheckPassedPorts(record, plan));
  if (IsUserNetwork(record.config())) {
    ASSIGN_OR_RETURN(std::vector<int> sockets, AddUserNetwork(engine, record, plan));
    PassSockets(record, std::move(sockets), plan);
    return release;
  }
  if (!IsBridgeMode(record.config().network_mode())) return release;
  ASSIGN_OR_RETURN(BridgeNetwork network, PlanBridgeNetwork(engine.store, record));
  if (UsesSharedNetwork()) {
    const absl::Status moved = MoveToSharedNetwork(engine.store, record, network);
    if (!moved.ok()) {
      network.release();
      return moved;
    }
  }
  release = std::move(network.release);
  plan.connect_network = std::move(network.connect);
  plan.kept_fds = std::move(network.kept_fds);
  PassSockets(record, std::move(network.passed_fds), plan);
  plan.on_end = [release, then = std::move(plan.on_end)](const monitor::ExitInfo& info) {
    release();
    then(info);
  };
  return release;
}

}  // namespace coracle::engine
