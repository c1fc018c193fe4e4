// The network of a RUN: what a monitor does for a container, done by the process that runs the step.
#ifndef CORACLE_ENGINE_STEP_NETWORK_H_
#define CORACLE_ENGINE_STEP_NETWORK_H_

#include <poll.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "monitor/network_session.h"

namespace coracle::engine {

class StepNetwork {
 public:
  // Leases what the step's network needs. Of one with the host's network or none: nothing is held.
  // `record`: its network mode and networks are resolved. Errors: as HeldNetworks and AddNetwork.
  static absl::StatusOr<std::unique_ptr<StepNetwork>> Plan(Engine& engine, store::ContainerRecord& record);
  StepNetwork(const StepNetwork&) = delete;
  StepNetwork& operator=(const StepNetwork&) = delete;
  // After the step has ended.
  ~StepNetwork();

  // Where its hosts and resolv.conf have to lie; empty: anywhere.
  const std::string& run_dir() const { return run_dir_; }
  // To be called with the step's first process, which waits meanwhile.
  absl::Status Connect(pid_t pid);
  // As of monitor::NetworkSession.
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis);
  void Dispatch(const pollfd* polls, size_t count);

 private:
  StepNetwork() = default;

  std::string run_dir_;
  std::optional<store::FileLock> alive_;  // by which leases hold
  monitor::ConnectNetwork connect_;
  std::function<void()> release_;
  std::function<void()> ended_;
  std::unique_ptr<monitor::NetworkSession> session_;
};

// Whether connecting a step with that configuration takes the process that runs it to another network
// namespace, for good (engine/shared_network.h).
bool MovesWithNetwork(const store::ContainerConfig& config);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_STEP_NETWORK_H_
