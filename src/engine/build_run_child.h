// Running a step in a process of its own, for what changes the process that does it.
#ifndef CORACLE_ENGINE_BUILD_RUN_CHILD_H_
#define CORACLE_ENGINE_BUILD_RUN_CHILD_H_

#include "absl/status/statusor.h"
#include "build/run_step.h"

namespace coracle::engine {

// `run` in a child that dies with the caller; what the step prints still goes to step.on_output, here. The
// caller has one thread. Errors: those of `run`; Aborted if the child was killed.
absl::StatusOr<int> RunStepInChild(const build::RunStep& step, const build::StepRunner& run);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_BUILD_RUN_CHILD_H_
