// rm and container prune.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_filter.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/stop_options.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;

// Containers that use a namespace of `id`: they go first with --depend.
bool DependsOn(const ContainerView& view, const store::ContainerRecord& other) {
  const store::ContainerConfig& config = view.record.config();
  for (const std::string* mode :
       {&config.network_mode(), &config.pid_mode(), &config.ipc_mode(), &config.uts_mode()}) {
    if (*mode == absl::StrCat("container:", other.id()) || *mode == absl::StrCat("container:", other.name()))
      return true;
  }
  return false;
}

absl::Status RemoveDependents(engine::Engine& engine, const store::ContainerRecord& record,
                              const engine::RemoveRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, engine::LookAll(engine));
  for (const ContainerView& view : views) {
    if (view.record.id() == record.id() || !DependsOn(view, record)) continue;
    RETURN_IF_ERROR(engine::RemoveContainer(engine, view, request));
  }
  return absl::OkStatus();
}

}  // namespace

int CmdRm(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  engine::RemoveRequest request;
  request.force = parsed.GetBool("force");
  request.volumes = parsed.GetBool("volumes");
  request.timeout_seconds = StopTimeOption(parsed);
  (void)store::Sweep(
      engine.store);  // what killed processes left; not what was asked for, so its errors do not count
  SelectOptions options;
  options.ignore_missing = parsed.GetBool("ignore") || request.force;
  return ForEachSelected(invocation, engine, options, [&](Selection& selection) -> absl::Status {
    if (parsed.GetBool("depend")) RETURN_IF_ERROR(RemoveDependents(engine, selection.view.record, request));
    const absl::Status status = engine::RemoveContainer(engine, selection.view, request);
    // Another process was faster: what was wanted is so.
    return request.force && absl::IsNotFound(status) ? absl::OkStatus() : status;
  });
}

int CmdContainerPrune(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const auto filter = ContainerFilter::Parse(engine, parsed.GetList("filter"));
  if (!filter.ok()) return invocation.Fail(filter.status());
  if (!parsed.GetBool("force") && !invocation.Confirm("Remove all stopped containers?")) return 0;
  (void)store::Sweep(engine.store);  // as in rm
  const auto views = engine::LookAll(engine);
  if (!views.ok()) return invocation.Fail(views.status());
  int code = 0;
  for (const ContainerView& view : *views) {
    if (engine::IsRunning(view) || view.state.status() == store::INITIALIZED || !filter->Matches(view))
      continue;
    const absl::Status status = engine::RemoveContainer(engine, view, {});
    if (status.ok()) {
      invocation.out().WriteLine(view.record.id());
    } else if (!absl::IsNotFound(status)) {
      code = invocation.Fail(status);
    }
  }
  return code;
}

}  // namespace coracle::cli
