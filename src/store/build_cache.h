// Records of the build cache: which layer a step gave.
//
// <root>/build-cache/<key> exists whole or not at all. A record holds its layer: whoever collects garbage
// counts it as a reference. Whoever uses one claims the layer in a lease first and looks for it second
// (lease.h). Time of last use is the file's time of modification. What is damaged counts as absent: it can
// always be made again.
#ifndef CORACLE_STORE_BUILD_CACHE_H_
#define CORACLE_STORE_BUILD_CACHE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/build_cache.pb.h"
#include "store/store.h"

namespace coracle::store {

std::string BuildCachePath(const Store& store, absl::string_view key);

struct BuildCacheEntry {
  BuildCacheRecord record;
  int64_t used_unix_nanos = 0;
};

// The record of `key`; nothing if there is none. Errors: FailedPrecondition for one of a newer schema.
absl::StatusOr<std::optional<BuildCacheRecord>> ReadBuildCache(const Store& store, absl::string_view key);
// All, in no order.
absl::StatusOr<std::vector<BuildCacheEntry>> ListBuildCache(const Store& store);
// Makes or replaces it. The layer is in the store and on the disk already.
absl::Status WriteBuildCache(const Store& store, const BuildCacheRecord& record);
// Notes that it was used now. Best effort.
void TouchBuildCache(const Store& store, absl::string_view key);
// Missing is fine. The layer stays until garbage is collected.
absl::Status RemoveBuildCache(const Store& store, absl::string_view key);

}  // namespace coracle::store

#endif  // CORACLE_STORE_BUILD_CACHE_H_
