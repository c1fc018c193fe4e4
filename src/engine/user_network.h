// --network pasta and slirp4netns: a network of one container's own.
#ifndef CORACLE_ENGINE_USER_NETWORK_H_
#define CORACLE_ENGINE_USER_NETWORK_H_

#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "monitor/monitor.h"

namespace coracle::engine {

// Whether the container's network_mode is pasta or slirp4netns.
bool IsUserNetwork(const store::ContainerConfig& config);

// Connects such a container: fills in `plan`, whose on_end is set already. Errors as network::StartUserNet: a
// program or device that is missing is told here, before the monitor is forked. Gives the sockets of ports
// that the container itself serves (-p ...,fd).
absl::StatusOr<std::vector<int>> AddUserNetwork(Engine& engine, const store::ContainerRecord& record,
                                                monitor::LaunchPlan& plan);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_USER_NETWORK_H_
