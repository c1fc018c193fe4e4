// healthcheck run: one check, by hand or by a monitor's timer.
#include "base/status.h"
#include "cli/commands.h"
#include "cli/enter.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/health.h"

namespace coracle::cli {
namespace {

constexpr int kUnhealthyExit = 1;

absl::StatusOr<int> Check(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::ContainerView view, engine::Look(engine, invocation.args()[0]));
  RETURN_IF_ERROR(EnterBeside(view.state.monitor_pid(), invocation.globals()));
  ASSIGN_OR_RETURN(const bool passed, engine::CheckHealth(engine, view));
  if (passed) return 0;
  invocation.out().WriteLine("unhealthy");
  return kUnhealthyExit;
}

}  // namespace

int CmdHealthcheckRun(Invocation& invocation) {
  const absl::StatusOr<int> code = Check(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
