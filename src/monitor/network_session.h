// What a running container's network needs of its monitor: somebody who answers while it runs, and who takes
// it down when it has ended.
#ifndef CORACLE_MONITOR_NETWORK_SESSION_H_
#define CORACLE_MONITOR_NETWORK_SESSION_H_

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace coracle::monitor {

// One run's network, from the moment when its namespace exists. Destroyed after the first process has ended:
// everything of it on the host is gone then.
class NetworkSession {
 public:
  virtual ~NetworkSession() = default;
  // Fills `networks` and `ports`, which are written with the state once the container runs.
  virtual void Describe(store::ContainerState* state) const { (void)state; }
  // One round of the monitor's loop: what to poll for, and what to do about it. `timeout_millis` (-1: none)
  // is lowered if the session needs to wake earlier. Dispatch gets exactly what Prepare added, also if
  // nothing of it is ready.
  virtual void Prepare(std::vector<pollfd>* polls, int* timeout_millis) { (void)polls, (void)timeout_millis; }
  virtual void Dispatch(const pollfd* polls, size_t count) { (void)polls, (void)count; }
};

// Connects the network namespace of `pid`, the first process, which waits meanwhile. Called for each start,
// restarts included. On error nothing is left; its text is what the start ends with.
using ConnectNetwork = std::function<absl::StatusOr<std::unique_ptr<NetworkSession>>(pid_t pid)>;

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_NETWORK_SESSION_H_
