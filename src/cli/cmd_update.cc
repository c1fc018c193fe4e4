// update: other limits and another restart policy.
#include <algorithm>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/update.h"

namespace coracle::cli {
namespace {

absl::Status Change(const ParsedCommand& parsed, store::ContainerConfig& config) {
  RETURN_IF_ERROR(ReadChangedLimits(parsed, *config.mutable_limits()));
  if (!parsed.WasSet("restart")) return absl::OkStatus();
  ASSIGN_OR_RETURN(*config.mutable_restart(), ParseRestartPolicy(parsed.GetString("restart")));
  return absl::OkStatus();
}

absl::Status CheckAnyGiven(const ParsedCommand& parsed) {
  for (const OptionSet set : parsed.command().options) {
    for (const Option& option : set) {
      if (option.name != "latest" && parsed.WasSet(option.name)) return absl::OkStatus();
    }
  }
  return WithExitCode(WithHint(absl::InvalidArgumentError("nothing to change"), "give a limit or --restart"),
                      125);
}

}  // namespace

int CmdUpdate(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  if (const absl::Status status = CheckAnyGiven(parsed); !status.ok()) return invocation.Fail(status);
  engine::Engine engine = MakeEngine(invocation);
  return ForEachSelected(invocation, engine, {}, [&](Selection& selection) {
    return engine::UpdateContainer(engine, selection.view,
                                   [&](store::ContainerConfig& config) { return Change(parsed, config); });
  });
}

}  // namespace coracle::cli
