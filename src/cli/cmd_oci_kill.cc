// `coracle oci kill`: a signal to the first process, or to all of them.
#include "base/signal_name.h"
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

int CmdOciKill(Invocation& invocation) {
  const absl::StatusOr<int> signal =
      ParseSignal(invocation.args().size() > 1 ? absl::string_view(invocation.args()[1]) : "SIGTERM");
  if (!signal.ok()) return OciFail(invocation, signal.status());
  return OciFail(invocation, runtime::OciKill(OciStoreOf(invocation), invocation.args()[0], *signal,
                                              invocation.parsed().GetBool("all")));
}

}  // namespace coracle::cli
