// system reset.
#include "cli/commands_storage.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/reset.h"

namespace coracle::cli {

int CmdSystemReset(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  if (!invocation.parsed().GetBool("force") &&
      !invocation.Confirm(
          "Remove all containers, volumes, networks and images, and everything else in the store?")) {
    return 0;
  }
  return invocation.Fail(engine::ResetStore(engine));
}

}  // namespace coracle::cli
