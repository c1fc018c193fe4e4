// `coracle oci resume`: lets a paused container go on.
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

int CmdOciResume(Invocation& invocation) {
  return OciFail(invocation, runtime::OciResume(OciStoreOf(invocation), invocation.args()[0]));
}

}  // namespace coracle::cli
