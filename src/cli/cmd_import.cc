// import: a root file system in a tar archive becomes an image.
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "image/image_store.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

absl::Status Import(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::string& source = invocation.args()[0];
  if (absl::StartsWith(source, "http://") || absl::StartsWith(source, "https://")) {
    return NotSupportedYet("import from a URL");
  }
  image::ImportOptions options;
  if (invocation.args().size() > 1) options.reference = invocation.args()[1];
  options.changes = parsed.GetList("change");
  options.message = parsed.GetString("message");
  options.single_id = OnlyOneIdMapped();
  os::UniqueFd file;
  if (source != "-") {
    auto opened = os::OpenAt(AT_FDCWD, source, O_RDONLY);
    if (!opened.ok()) return WithExitCode(opened.status(), 125);
    file = *std::move(opened);
  } else if (isatty(STDIN_FILENO)) {
    return WithExitCode(
        absl::InvalidArgumentError("cannot read an archive from a terminal: redirect standard input"), 125);
  }
  engine::Engine engine = MakeEngine(invocation);
  RETURN_IF_ERROR(engine.store.EnsureExists());
  ASSIGN_OR_RETURN(const std::string id,
                   image::Import(engine.store, file.valid() ? file.get() : STDIN_FILENO, options), "import ",
                   source);
  invocation.out().WriteLine(absl::StrCat("sha256:", id));
  return absl::OkStatus();
}

}  // namespace

int CmdImport(Invocation& invocation) { return invocation.Fail(Import(invocation)); }

}  // namespace coracle::cli
