// commit: a container's changes become an image.
#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands_storage.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/changes.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

absl::Status Commit(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::CommitRequest request;
  const std::string format = parsed.GetString("format");
  if (format != "oci" && format != "docker") return OptionError("format", format, "it is oci or docker");
  request.docker_format = format == "docker";
  if (invocation.args().size() > 1) request.reference = invocation.args()[1];
  request.changes = parsed.GetList("change");
  request.author = parsed.GetString("author");
  request.message = parsed.GetString("message");
  request.squash = parsed.GetBool("squash");
  request.include_volumes = parsed.GetBool("include-volumes");
  if (parsed.WasSet("pause")) request.pause = parsed.GetBool("pause");
  if (parsed.GetBool("no-pause")) request.pause = false;
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::ContainerView view, engine::Look(engine, invocation.args()[0]));
  ASSIGN_OR_RETURN(const std::string id, engine::Commit(engine, view, request));
  const std::string iidfile = parsed.GetString("iidfile");
  if (!iidfile.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, iidfile, absl::StrCat("sha256:", id)), "--iidfile");
  }
  invocation.out().WriteLine(id);
  return absl::OkStatus();
}

}  // namespace

int CmdCommit(Invocation& invocation) { return invocation.Fail(Commit(invocation)); }

}  // namespace coracle::cli
