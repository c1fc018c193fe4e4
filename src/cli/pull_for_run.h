// --pull of run and create.
#ifndef CORACLE_CLI_PULL_FOR_RUN_H_
#define CORACLE_CLI_PULL_FOR_RUN_H_

#include "absl/status/status.h"
#include "cli/invocation.h"
#include "engine/engine.h"

namespace coracle::cli {

// Does what --pull asks for: fetches the image now (always, newer, or another platform than may be here), or
// leaves in `request` how to, should it turn out to be missing. With --rootfs there is nothing to do. Errors:
// as engine::PullImage; InvalidArgument for an unknown policy.
absl::Status PullForRun(Invocation& invocation, engine::Engine& engine, engine::CreateRequest& request);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_PULL_FOR_RUN_H_
