// cp.
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/copy.h"

namespace coracle::cli {

int CmdCp(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  engine::CopyRequest request;
  request.source = engine::ParseCopyArgument(invocation.args()[0]);
  request.destination = engine::ParseCopyArgument(invocation.args()[1]);
  request.keep_owners = parsed.GetBool("archive");
  request.follow_link = parsed.GetBool("follow-link");
  request.overwrite = parsed.GetBool("overwrite");
  return invocation.Fail(engine::CopyFiles(engine, request));
}

}  // namespace coracle::cli
