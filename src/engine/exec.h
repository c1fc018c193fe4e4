// A further process in a running container, as `exec` and health checks need it.
#ifndef CORACLE_ENGINE_EXEC_H_
#define CORACLE_ENGINE_EXEC_H_

#include "absl/status/status.h"
#include "engine/engine.h"
#include "engine/security.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"
#include "runtime/container.h"

namespace coracle::engine {

// `request` points into the rest, so that it stays where it is.
struct PlannedExec {
  PlannedExec() = default;
  PlannedExec(const PlannedExec&) = delete;
  PlannedExec& operator=(const PlannedExec&) = delete;

  os::UniqueFd pidfd;  // of the first process: while it is held, its pid is the container's
  Security security;
  oci::Linux linux_config;
  oci::Process process;
  runtime::ExecRequest request;
};
// Errors: FailedPrecondition if the container does not run or is paused; exit code 125.
absl::Status PlanExec(Engine& engine, const ContainerView& view, const ExecSpec& spec, PlannedExec& planned);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_EXEC_H_
