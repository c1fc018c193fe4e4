// The directories that a container's root is made of.
#ifndef CORACLE_STORAGE_LOWER_DIRS_H_
#define CORACLE_STORAGE_LOWER_DIRS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace coracle::storage {

// What the container started from, top first: its layers, or its --rootfs. As many as there are.
// Errors: FailedPrecondition for a container without layers.
absl::StatusOr<std::vector<std::string>> LowerDirs(const store::Store& store,
                                                   const store::ContainerRecord& record);

// Top first: what the container wrote (its upper directory; nothing with the driver vfs or before its first
// start), then LowerDirs. With vfs its copy alone.
absl::StatusOr<std::vector<std::string>> RootDirs(const store::Store& store,
                                                  const store::ContainerRecord& record);

// The same directories in the number that overlay takes: where there are more, the lowest are merged into one
// below `dir`, by hard links, once. Nothing to do, and `dir` untouched, for `most` or fewer.
absl::StatusOr<std::vector<std::string>> FitOverlay(std::vector<std::string> lower, const std::string& dir,
                                                    bool user_xattr, size_t most);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_LOWER_DIRS_H_
