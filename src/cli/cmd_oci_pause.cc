// `coracle oci pause`: freezes the processes of a container.
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

int CmdOciPause(Invocation& invocation) {
  return OciFail(invocation, runtime::OciPause(OciStoreOf(invocation), invocation.args()[0]));
}

}  // namespace coracle::cli
