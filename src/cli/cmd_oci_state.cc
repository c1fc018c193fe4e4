// `coracle oci state`: the state document of one container.
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {

int CmdOciState(Invocation& invocation) {
  const absl::StatusOr<std::string> document =
      runtime::OciStateDocument(OciStoreOf(invocation), invocation.args()[0], /*indent=*/2);
  if (!document.ok()) return OciFail(invocation, document.status());
  invocation.out().WriteLine(*document);
  return 0;
}

}  // namespace coracle::cli
