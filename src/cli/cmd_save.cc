// save: images into an archive or directory.
#include <unistd.h>

#include "base/status.h"
#include "cli/commands_archive.h"
#include "cli/interrupt.h"
#include "cli/invocation.h"
#include "cli/progress_display.h"
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
  for (const std::string& text : parsed.GetList("platform")) {
    auto platform = oci::ParsePlatform(text);
    if (!platform.ok()) return WithExitCode(Annotate(platform.status(), "--platform"), 125);
    request.platforms.push_back(*std::move(platform));
  }
  if (request.output.empty()) {
    if (isatty(STDOUT_FILENO)) {
      return WithExitCode(
          absl::InvalidArgumentError("will not write an archive to a terminal: give --output or redirect it"),
          125);
    }
    request.output = "-";
  }
  const InterruptGuard interrupt;
  ProgressDisplay progress(ProgressDisplay::ChooseStyle(parsed.GetBool("quiet")), "Copying");
  request.progress = &progress;
  request.cancel = &interrupt.flag();
  engine::Engine engine = MakeEngine(invocation);
  return interrupt.Result(engine::SaveImages(engine, request));
}

}  // namespace

int CmdSave(Invocation& invocation) { return invocation.Fail(Save(invocation)); }

}  // namespace coracle::cli
