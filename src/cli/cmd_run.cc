// run: create, start, attach, in one.
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/attached.h"
#include "cli/cidfile.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/enter.h"
#include "cli/image_use.h"
#include "cli/invocation.h"
#include "cli/pull_for_run.h"
#include "cli/select.h"
#include "image/image_store.h"

namespace coracle::cli {
namespace {

// --rmi: a wish, not a promise: an image that something else uses stays.
void RemoveImage(engine::Engine& engine, const store::ContainerRecord& record) {
  if (record.image_id().empty()) return;
  const auto used = ImagesInUse(engine);
  if (used.ok()) (void)image::Remove(engine.store, record.image_name(), /*force=*/false, *used);
}

// By the options alone, before anything is read that can be read only once, as an --env-file that is a pipe:
// ProtectFor may start us again. Without these options it is a configuration that is handed over.
absl::Status ProtectByOptions(const ParsedCommand& parsed) {
  const bool asked = parsed.WasSet("pid") || parsed.WasSet("security-opt") || parsed.WasSet("runtime");
  const store::ContainerConfig handed_over;
  return ProtectFor(asked ? nullptr : &handed_over);
}

absl::StatusOr<int> Run(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  RETURN_IF_ERROR(ProtectByOptions(parsed));
  ASSIGN_OR_RETURN(engine::CreateRequest request, ReadContainerOptions(parsed, /*is_create=*/false));
  const bool detach = request.config.detach();
  request.durable = detach;
  request.start_at_once = true;
  request.create_command = CommandLine();
  engine::Engine engine = MakeEngine(invocation);
  RETURN_IF_ERROR(PullForRun(invocation, engine, request));
  ASSIGN_OR_RETURN(Cidfile cidfile, Cidfile::Claim(request.config.cid_file()));
  ASSIGN_OR_RETURN(engine::Created created, engine::CreateContainer(engine, std::move(request)));
  const store::ContainerRecord& record = created.record;
  RETURN_IF_ERROR(cidfile.Write(record.id()));

  engine::StartRequest start;
  start.foreground = !detach;
  start.preserve_fds = static_cast<int>(record.config().preserve_fds());
  start.remove_on_error = record.auto_remove();
  ASSIGN_OR_RETURN(const monitor::Launched launched, engine::StartContainer(engine, record, start));
  created.op_lock.reset();
  if (detach) {
    invocation.out().WriteLine(record.id());
    return 0;
  }
  ASSIGN_OR_RETURN(const int code, AttachForeground(engine, record, launched.attach, parsed));
  if (parsed.GetBool("rmi")) RemoveImage(engine, record);
  return code;
}

}  // namespace

int CmdRun(Invocation& invocation) {
  const absl::StatusOr<int> code = Run(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
