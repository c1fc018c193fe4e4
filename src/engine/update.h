// Other limits and another restart policy for a container that exists.
#ifndef CORACLE_ENGINE_UPDATE_H_
#define CORACLE_ENGINE_UPDATE_H_

#include <functional>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "monitor/monitor.h"

namespace coracle::engine {

// `change` edits the limits and restart policy of the container's present configuration; its error is
// returned, and nothing has changed. What runs gets the limits at once; all of it counts from the next start
// on. Errors: FailedPrecondition if the host can't apply a limit, and for a restart policy of a --rm
// container.
absl::Status UpdateContainer(Engine& engine, const ContainerView& view,
                             const std::function<absl::Status(store::ContainerConfig&)>& change);

// For the monitor of `id`: puts what an update has recorded into its plan.
void ReloadPlan(const Engine& engine, const std::string& id, monitor::LaunchPlan& plan);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_UPDATE_H_
