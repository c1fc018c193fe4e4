// build: what the build folder asks of those above it, put together.
#ifndef CORACLE_ENGINE_BUILD_H_
#define CORACLE_ENGINE_BUILD_H_

#include "absl/status/statusor.h"
#include "build/builder.h"
#include "engine/engine.h"
#include "engine/transfer.h"

namespace coracle::engine {

// Builds an image; base images are pulled as request.pull says. Errors: as
// build::Build. The calling process has one thread.
absl::StatusOr<build::BuildResult> BuildImage(Engine& engine, TransferContext& transfer,
                                              const build::BuildRequest& request,
                                              build::BuildProgress& progress);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_BUILD_H_
