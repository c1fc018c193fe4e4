// Health checks: what is checked, one check, and what it sets off.
#ifndef CORACLE_ENGINE_HEALTH_H_
#define CORACLE_ENGINE_HEALTH_H_

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "monitor/monitor.h"
#include "oci/image_config.h"

namespace coracle::engine {

// The image's check, where the user says nothing else; each part for itself, as with docker.
void MergeHealth(const oci::Healthcheck& image, store::ContainerConfig& config);
// Defaults for what nobody has said; no check at all if there is nothing to check with. Errors:
// InvalidArgument for a startup check, or --sdnotify healthy, without a check.
absl::Status CompleteHealth(store::ContainerConfig& config);

// What the monitor needs for the checks of `record`; nothing if there are none, or none by time.
monitor::HealthPlan HealthPlanOf(const Engine& engine, const store::ContainerRecord& record);

// The health of a container that is checked; nullopt for others. One that runs and was not checked since its
// start is "starting".
std::optional<store::HealthState> HealthOf(const Engine& engine, const ContainerView& view);

// One check, now. Records it, and does what the container's --health-on-failure says if it is unhealthy then.
// True if the check passed. Errors: FailedPrecondition if the container has no check or does not run.
absl::StatusOr<bool> CheckHealth(Engine& engine, const ContainerView& view);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_HEALTH_H_
