// load: images from an archive or directory.
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands_archive.h"
#include "cli/interrupt.h"
#include "cli/invocation.h"
#include "cli/progress_display.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "engine/save_load.h"

namespace coracle::cli {
namespace {

absl::Status Load(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::LoadRequest request;
  request.input = parsed.GetString("input");
  request.single_id = OnlyOneIdMapped();
  const std::vector<std::string> platforms = parsed.GetList("platform");
  if (platforms.size() > 1) {
    return WithExitCode(absl::InvalidArgumentError("--platform: an image is loaded for one platform"), 125);
  }
  if (!platforms.empty()) {
    auto platform = oci::ParsePlatform(platforms[0]);
    if (!platform.ok()) return WithExitCode(Annotate(platform.status(), "--platform"), 125);
    request.platform = *std::move(platform);
  }
  if (request.input.empty()) {
    if (isatty(STDIN_FILENO)) {
      return WithExitCode(
          absl::InvalidArgumentError("will not read an archive from a terminal: give --input or redirect it"),
          125);
    }
    request.input = "-";
  }
  engine::Engine engine = MakeEngine(invocation);
  const InterruptGuard interrupt;
  ProgressDisplay progress(ProgressDisplay::ChooseStyle(parsed.GetBool("quiet")), "Copying");
  request.progress = &progress;
  request.cancel = &interrupt.flag();
  // Told at the end, since lines of progress come before.
  request.loaded = [&](const engine::LoadedImage& image) {
    if (image.names.empty()) invocation.out().WriteLine(absl::StrCat("Loaded image: sha256:", image.id));
    for (const std::string& name : image.names) {
      invocation.out().WriteLine(absl::StrCat("Loaded image: ", name));
    }
  };
  return interrupt.Result(engine::LoadImages(engine, request));
}

}  // namespace

int CmdLoad(Invocation& invocation) { return invocation.Fail(Load(invocation)); }

}  // namespace coracle::cli
