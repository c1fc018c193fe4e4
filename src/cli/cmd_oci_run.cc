// `coracle oci run`: create, start and, without --detach, stay until the end.
#include "base/status.h"
#include "cli/commands.h"
#include "cli/oci_create_options.h"

namespace coracle::cli {
namespace {

absl::StatusOr<int> Run(const Invocation& invocation, const runtime::OciCreateOptions& options) {
  const runtime::OciStore store = OciStoreOf(invocation);
  ASSIGN_OR_RETURN(runtime::Container container, runtime::OciCreate(store, options, /*hold_at_fifo=*/false));
  absl::Status started = runtime::Start(container);
  if (started.ok()) started = runtime::OciMarkStarted(store, options.id);
  if (!started.ok()) {
    (void)runtime::OciDelete(store, options.id, /*force=*/true);
    return started;
  }
  if (!options.foreground) return 0;
  const absl::StatusOr<int> code = OciForeground(container);
  if (invocation.parsed().GetBool("keep")) return code;
  const absl::Status deleted = runtime::OciDelete(store, options.id, /*force=*/true);
  if (code.ok() && !deleted.ok()) return deleted;
  return code;
}

}  // namespace

int CmdOciRun(Invocation& invocation) {
  absl::StatusOr<runtime::OciCreateOptions> options =
      OciCreateOptionsOf(invocation, /*foreground=*/!invocation.parsed().GetBool("detach"));
  if (!options.ok()) return OciFail(invocation, options.status());
  const absl::StatusOr<int> code = Run(invocation, *options);
  return code.ok() ? *code : OciFail(invocation, code.status());
}

}  // namespace coracle::cli
