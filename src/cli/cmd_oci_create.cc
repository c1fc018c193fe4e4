// `coracle oci create`: the container of a bundle, held before its program starts.
#include "cli/commands.h"
#include "cli/oci_create_options.h"

namespace coracle::cli {

int CmdOciCreate(Invocation& invocation) {
  absl::StatusOr<runtime::OciCreateOptions> options = OciCreateOptionsOf(invocation, /*foreground=*/false);
  if (!options.ok()) return OciFail(invocation, options.status());
  return OciFail(invocation,
                 runtime::OciCreate(OciStoreOf(invocation), *options, /*hold_at_fifo=*/true).status());
}

}  // namespace coracle::cli
