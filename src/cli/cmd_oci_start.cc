// `coracle oci start`: lets the held process of a created container go on.
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

int CmdOciStart(Invocation& invocation) {
  return OciFail(invocation, runtime::OciStart(OciStoreOf(invocation), invocation.args()[0]));
}

}  // namespace coracle::cli
