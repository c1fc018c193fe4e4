// How much a container wrote.
#ifndef CORACLE_STORAGE_DISK_USAGE_H_
#define CORACLE_STORAGE_DISK_USAGE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "store/store.h"

namespace coracle::storage {

// Sum of the sizes of the files below `path`, each inode once, links and directories not counted, as docker
// and podman do. Missing is 0. What vanishes meanwhile does not count.
absl::StatusOr<int64_t> TreeBytes(const std::string& path);

// The container's own files: of its upper directory, or of its copy with the driver vfs.
absl::StatusOr<int64_t> ContainerBytes(const store::Store& store, absl::string_view id);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_DISK_USAGE_H_
