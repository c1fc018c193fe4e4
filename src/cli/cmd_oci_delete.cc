// `coracle oci delete`: removes what a stopped container holds.
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

int CmdOciDelete(Invocation& invocation) {
  return OciFail(invocation, runtime::OciDelete(OciStoreOf(invocation), invocation.args()[0],
                                                invocation.parsed().GetBool("force")));
}

}  // namespace coracle::cli
