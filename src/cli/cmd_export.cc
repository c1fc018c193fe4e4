// export: a container's root as a tar archive.
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands_storage.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/changes.h"
#include "os/file.h"
#include "store/events.h"

namespace coracle::cli {
namespace {

absl::Status ExportTo(engine::Engine& engine, const engine::ContainerView& view, int fd) {
  archive::FdSink sink(fd);
  RETURN_IF_ERROR(engine::Export(engine, view, sink), "export container ", view.record.name());
  RETURN_IF_ERROR(sink.Finish());
  store::AppendEvent(engine.store, store::ContainerEvent(view.record, "export"));
  return absl::OkStatus();
}

absl::Status Export(Invocation& invocation) {
  const std::string path = invocation.parsed().GetString("output");
  if (path.empty() && isatty(STDOUT_FILENO)) {
    return absl::InvalidArgumentError("an archive is not written to a terminal: use --output or redirect");
  }
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::ContainerView view, SelectOne(invocation, engine));
  if (path.empty()) return ExportTo(engine, view, STDOUT_FILENO);
  const bool is_new = !os::ExistsAt(AT_FDCWD, path);
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  const absl::Status status = ExportTo(engine, view, file.get());
  if (!status.ok() && is_new) (void)unlink(path.c_str());  // half an archive is of no use
  return status;
}

}  // namespace

int CmdExport(Invocation& invocation) {
  const absl::Status status = Export(invocation);
  return invocation.Fail(status.ok() ? status : WithExitCode(status, 125));
}

}  // namespace coracle::cli
