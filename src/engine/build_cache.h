// The build cache: sent elsewhere, fetched from there, kept within bounds.
#ifndef CORACLE_ENGINE_BUILD_CACHE_H_
#define CORACLE_ENGINE_BUILD_CACHE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "build/builder.h"
#include "engine/engine.h"
#include "engine/transfer.h"

namespace coracle::engine {

// `place`: the name of an image in a registry, or one with a transport ("oci:DIR:TAG"). Its layers come into
// the store. How many keys it told of. Errors: as PullImage; NotFound if it holds no cache.
absl::StatusOr<int> ImportBuildCache(Engine& engine, TransferContext& transfer, const std::string& place);
// Errors: as PushImage; FailedPrecondition if there are no steps.
absl::Status ExportBuildCache(Engine& engine, TransferContext& transfer,
                              const std::vector<build::KeptStep>& steps, const std::string& place);

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

// What the steps that no image has may take up: $CORACLE_BUILD_CACHE_SIZE, else a tenth of the file system,
// but at least 10 GB. The least recently used go first. Looks once in ten minutes, or with the variable each
// time. Best effort.
void BoundBuildCache(Engine& engine);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_BUILD_CACHE_H_
