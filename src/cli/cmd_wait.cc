// wait, init and container exists.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kConditions[] = {
    "configured", "created", "exited",  "healthy",  "initialized", "paused",      "removed",
    "removing",   "running", "stopped", "stopping", "unhealthy",   "not-running", "next-exit"};

absl::Status CheckConditions(std::vector<std::string>& conditions) {
  for (std::string& condition : conditions) {
    if (std::find(std::begin(kConditions), std::end(kConditions), condition) == std::end(kConditions)) {
      return WithExitCode(
          absl::InvalidArgumentError(absl::StrCat("--condition ", condition, ": expected one of ",
                                                  absl::StrJoin(kConditions, ", "))),
          125);
    }
    if (condition == "next-exit") condition = "exited";
  }
  return absl::OkStatus();
}

absl::Status InitOne(engine::Engine& engine, const engine::ContainerView& view) {
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
  if (engine::IsRunning(view)) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("container ", view.record.name(), " is running")), 125);
  }
  if (view.state.status() == store::INITIALIZED) return absl::OkStatus();
  engine::StartRequest request;
  request.hold = true;
  return engine::StartContainer(engine, view.record, request).status();
}

}  // namespace

int CmdWait(Invocation& invocation) {
  std::vector<std::string> conditions = invocation.parsed().GetList("condition");
  const absl::Status checked = CheckConditions(conditions);
  if (!checked.ok()) return invocation.Fail(checked);
  engine::Engine engine = MakeEngine(invocation);
  int code = 0;
  std::vector<std::string> names = invocation.args();
  if (invocation.parsed().GetBool("latest")) {
    const auto view = engine::Latest(engine);
    if (!view.ok()) return invocation.Fail(view.status());
    names.push_back(view->record.id());
  }
  for (const std::string& name : names) {
    const auto view = engine::Look(engine, name);
    if (!view.ok()) {
      if (invocation.parsed().GetBool("ignore") && absl::IsNotFound(view.status())) {
        invocation.out().WriteLine("-1");
      } else {
        code = invocation.Fail(view.status());
      }
      continue;
    }
    const auto ended = engine::Wait(engine, view->record.id(), conditions);
    if (!ended.ok()) {
      code = invocation.Fail(ended.status());
    } else {
      invocation.out().WriteLine(absl::StrCat(*ended));
      (void)invocation.out()
          .Flush();  // whoever reads wants each as it ends; an error shows at the last flush
    }
  }
  return code;
}

int CmdInit(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  SelectOptions options;
  options.eligible = [](const engine::ContainerView& view) { return !engine::IsRunning(view); };
  return ForEachSelected(invocation, engine, options,
                         [&engine](Selection& selection) { return InitOne(engine, selection.view); });
}

int CmdContainerExists(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const auto view = engine::Look(engine, invocation.args()[0]);
  if (absl::IsNotFound(view.status())) return 1;
  return invocation.Fail(view.status());
}

}  // namespace coracle::cli
