// Runs a RUN of a Dockerfile: a container without record and monitor.
#ifndef CORACLE_ENGINE_BUILD_RUN_H_
#define CORACLE_ENGINE_BUILD_RUN_H_

#include "absl/status/statusor.h"
#include "build/run_step.h"
#include "engine/engine.h"

namespace coracle::engine {

// As build::StepRunner. It dies with the calling process; nothing is left of it but what it wrote.
absl::StatusOr<int> RunBuildStep(Engine& engine, const build::RunStep& step);

// Removes cgroups of steps whose process was killed before it could. Best effort.
void SweepBuildCgroups(Engine& engine);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_BUILD_RUN_H_
