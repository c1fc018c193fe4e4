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

struct BuildPruning {
  bool all = false;                              // else only what no image has and was not used for `unused`
  int64_t keep_bytes = -1;                       // the most recently used may stay, up to this; -1: no bound
  absl::Duration unused = absl::ZeroDuration();  // only what was not used for this long
};
struct BuildPruned {
  std::vector<std::string> keys;  // of records that are gone
  int64_t bytes = 0;              // that their layers had
};
// Removes records of the build cache, then what nothing refers to any more, and cache mounts with `all`.
absl::StatusOr<BuildPruned> PruneBuildCache(Engine& engine, const BuildPruning& pruning);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_BUILD_H_
