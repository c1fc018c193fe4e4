// `coracle completion SHELL`.
#include "cli/commands.h"
#include "cli/completion_script.h"
#include "cli/invocation.h"

namespace coracle::cli {

int CmdCompletion(Invocation& invocation) {
  const absl::StatusOr<std::string> script = CompletionScript(invocation.args()[0]);
  if (!script.ok()) return invocation.Fail(script.status());
  invocation.out().Write(*script);
  return 0;
}

}  // namespace coracle::cli
