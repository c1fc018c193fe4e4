#include "engine/step_network.h"

#include <fcntl.h>

#include <utility>

#include "base/fault.h"
#include "base/status.h"
#include "engine/container_network.h"
#include "engine/networks.h"
#include "engine/shared_network.h"
#include "engine/user_network.h"
#include "network/lease.h"
#include "network/published_names.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

// What steps that were killed had there. They have no record by which anybody else would know of them.
void ClearDeadSteps(const store::Store& store, const store::ContainerConfig& config) {
  for (const store::NetworkAttachment& attachment : config.networks()) {
    const std::string& network = attachment.network_id();
    for (const std::string& id : network::DeadHolders(store, network)) {
      network::ReleaseAllAddresses(store, network, id);
    }
  }
  network::SweepNames(store);
}

}  // namespace

bool MovesWithNetwork(const store::ContainerConfig& config) {
  return UsesSharedNetwork() && IsBridgeMode(config.network_mode());
}

absl::StatusOr<std::unique_ptr<StepNetwork>> StepNetwork::Plan(Engine& engine,
                                                               store::ContainerRecord& record) {
  std::unique_ptr<StepNetwork> network(new StepNetwork);
  HeldNetworks held;  // until their addresses are leased
  RETURN_IF_ERROR(held.Take(engine, *record.mutable_config()));
  if (!IsBridgeMode(record.config().network_mode()) && !IsUserNetwork(record.config())) return network;
  ClearDeadSteps(engine.store, record.config());
  // A container without a record: what is left of it after a kill is swept like one that was being made.
  network->run_dir_ = engine.store.ContainerRunDir(record.id());
  RETURN_IF_ERROR(os::MakeDirectories(network->run_dir_, 0700));
  ASSIGN_OR_RETURN(store::FileLock lock, store::FileLock::Try(absl::StrCat(network->run_dir_, "/lock")));
  network->alive_.emplace(std::move(lock));
  FaultPoint("engine.step.locked");
  monitor::LaunchPlan plan;
  plan.on_end = [](const monitor::ExitInfo&) {};
  ASSIGN_OR_RETURN(network->release_, AddNetwork(engine, record, plan));
  network->connect_ = std::move(plan.connect_network);
  // Holds what the network needs up to its end.
  network->ended_ = [on_end = std::move(plan.on_end)] { on_end({}); };
  return network;
}

StepNetwork::~StepNetwork() {
  session_.reset();
  if (release_) release_();
  if (!run_dir_.empty()) (void)os::RemoveTreeAt(AT_FDCWD, run_dir_);  // what stays, the next sweep finds
}

absl::Status StepNetwork::Connect(pid_t pid) {
  if (!connect_) return absl::OkStatus();
  ASSIGN_OR_RETURN(session_, connect_(pid), "network");
  return absl::OkStatus();
}

void StepNetwork::Prepare(std::vector<pollfd>* polls, int* timeout_millis) {
  if (session_ != nullptr) session_->Prepare(polls, timeout_millis);
}

void StepNetwork::Dispatch(const pollfd* polls, size_t count) {
  if (session_ != nullptr) session_->Dispatch(polls, count);
}

}  // namespace coracle::engine
