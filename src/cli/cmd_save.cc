// save: images into an archive or directory.
#include <unistd.h>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/save_load.h"

namespace coracle::cli {
namespace {

absl::Status Save(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::SaveRequest request;
  request.images = invocation.args();
  request.all_are_images = parsed.GetBool("multi-image-archive");
  request.compress = parsed.GetBool("compress");
  request.output = parsed.GetString("output");
  ASSIGN_OR_RETURN(request.format, engine::ParseSaveFormat(parsed.GetString("format")));
  if (request.output.empty()) {
    if (isatty(STDOUT_FILENO)) {
      return WithExitCode(
          absl::InvalidArgumentError("will not write an archive to a terminal: give --output or redirect it"),
          125);
    }
    request.output = "-";
  }
  engine::Engine engine = MakeEngine(invocation);
  return engine::SaveImages(engine, request);
}

}  // namespace

int CmdSave(Invocation& invocation) { return invocation.Fail(Save(invocation)); }

}  // namespace coracle::cli
