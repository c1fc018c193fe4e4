// `coracle oci features`: what this runtime can do, as JSON.
#include "cli/commands.h"
#include "cli/invocation.h"
#include "runtime/features.h"

namespace coracle::cli {

int CmdOciFeatures(Invocation& invocation) {
  invocation.out().WriteLine(runtime::FeaturesDocument(/*indent=*/4));
  return 0;
}

}  // namespace coracle::cli
