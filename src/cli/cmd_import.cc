// import: a root file system in a tar archive becomes an image.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "build/fetch_url.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "image/image_store.h"
#include "os/file.h"
#include "store/events.h"
#include "store/lease.h"

namespace coracle::cli {
namespace {

// The archive at a URL: below the work directory of `lease`, which is taken for it.
absl::StatusOr<os::UniqueFd> Fetch(const engine::Engine& engine, const std::string& url,
                                   std::optional<store::Lease>& lease) {
  ASSIGN_OR_RETURN(store::Lease taken, store::Lease::Take(engine.store, "import"));
  lease.emplace(std::move(taken));
  // Whole before it is read: what is cut may be asked for once more. The disk is the limit.
  ASSIGN_OR_RETURN(const build::FetchedFile fetched, build::FetchUrl(url, lease->work_dir(), INT64_MAX));
  const std::string name = fetched.name.empty() ? "download" : fetched.name;
  return os::OpenAt(AT_FDCWD, absl::StrCat(lease->work_dir(), "/", name), O_RDONLY);
}

absl::Status Import(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  const std::string& source = invocation.args()[0];
  image::ImportOptions options;
  if (invocation.args().size() > 1) options.reference = invocation.args()[1];
  options.changes = parsed.GetList("change");
  options.message = parsed.GetString("message");
  options.single_id = OnlyOneIdMapped();
  engine::Engine engine = MakeEngine(invocation);
  os::UniqueFd file;
  std::optional<store::Lease> lease;
  if (build::IsHttpUrl(source)) {
    auto fetched = Fetch(engine, source, lease);
    if (!fetched.ok()) return WithExitCode(Annotate(fetched.status(), "import"), 125);
    file = *std::move(fetched);
  } else if (source != "-") {
    auto opened = os::OpenAt(AT_FDCWD, source, O_RDONLY);
    if (!opened.ok()) return WithExitCode(opened.status(), 125);
    file = *std::move(opened);
  } else if (isatty(STDIN_FILENO)) {
    return WithExitCode(
        absl::InvalidArgumentError("cannot read an archive from a terminal: redirect standard input"), 125);
  }
  RETURN_IF_ERROR(engine.store.EnsureExists());
  ASSIGN_OR_RETURN(const std::string id,
                   image::Import(engine.store, file.valid() ? file.get() : STDIN_FILENO, options), "import ",
                   source);
  const std::string name = options.reference.empty() ? source : options.reference;
  store::AppendEvent(engine.store, store::ObjectEvent("image", "import", id, name));
  invocation.out().WriteLine(absl::StrCat("sha256:", id));
  return absl::OkStatus();
}

}  // namespace

int CmdImport(Invocation& invocation) { return invocation.Fail(Import(invocation)); }

}  // namespace coracle::cli
