// Any kind of network that a container can have of its own, as one thing to whoever starts it.
#ifndef CORACLE_ENGINE_CONTAINER_NETWORK_H_
#define CORACLE_ENGINE_CONTAINER_NETWORK_H_

#include <functional>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "monitor/monitor.h"

namespace coracle::engine {

// What connects the container to its networks: fills in `plan`, whose on_end is set already. Gives what takes
// that back, should the monitor not start; null for nothing. The liveness lock is held. Errors: as
// PlanBridgeNetwork, MoveToSharedNetwork and AddUserNetwork.
absl::StatusOr<std::function<void()>> AddNetwork(Engine& engine, const store::ContainerRecord& record,
                                                 monitor::LaunchPlan& plan);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CONTAINER_NETWORK_H_
