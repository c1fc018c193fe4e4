// The options of an OCI mount, sorted by what the kernel does with them.
// Source: runtime-spec config.md, "Linux mount options"; mount(8).
#ifndef CORACLE_RUNTIME_MOUNT_OPTIONS_H_
#define CORACLE_RUNTIME_MOUNT_OPTIONS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace coracle::runtime {

enum class IdmapMode { kNone, kMount, kRecursive };

struct MountOptions {
  uint64_t set = 0, clear = 0;                      // MOUNT_ATTR_* of this mount
  uint64_t recursive_set = 0, recursive_clear = 0;  // and of all below it
  // MS_PRIVATE and the like, each possibly with MS_REC, in the order given.
  std::vector<unsigned long> propagation;
  bool bind = false, recursive_bind = false, remount = false;
  bool copy_up = false;  // tmpcopyup: the new tmpfs starts with what lies below it
  IdmapMode idmap = IdmapMode::kNone;
  // For the file system: flags have an empty value and `is_flag`.
  struct Data {
    std::string key, value;
    bool is_flag = false;
  };
  std::vector<Data> data;
};

// Later options override earlier ones ("ro,rw" is rw). Unknown words go to the file system as data.
// Errors: InvalidArgument for an option with a NUL byte.
absl::StatusOr<MountOptions> ParseMountOptions(const std::vector<std::string>& options);

// Every option word that is not data, for `features`.
std::vector<std::string> KnownMountOptions();

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_MOUNT_OPTIONS_H_
