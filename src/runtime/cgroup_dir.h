// Single cgroup directories and their control files; what cgroup.cc is made of. Paths are absolute.
#ifndef CORACLE_RUNTIME_CGROUP_DIR_H_
#define CORACLE_RUNTIME_CGROUP_DIR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::runtime {

// One directory of a container's cgroup.
struct CgroupDirectory {
  bool v2 = false;
  std::vector<std::string> controllers;  // of its hierarchy
  std::string mount;                     // the hierarchy's
  std::string path;
  os::UniqueFd dir;    // v2 only
  os::UniqueFd tasks;  // v1 only, for the child's "0"
  bool made = false;   // by this object
};

// mkdir(2) of `path`, and of its missing parents below `mount`. *made tells whether `path` itself is new.
// Returns 0 or errno.
int MakeCgroupDirectory(absl::string_view mount, const std::string& path, bool* made);

// v1 cpuset: a task may only enter a cgroup with CPUs and memory nodes. Copies both from the parent, level by
// level from `mount` down to `path`, where they are empty. Returns 0 or errno.
int InheritCpuset(const std::string& mount, const std::string& path);

// One write(2) of `value` to the control file. Returns 0 or errno.
int WriteCgroupFile(const std::string& directory, absl::string_view file, absl::string_view value);

// The file's text, or nothing if it can't be read.
std::optional<std::string> ReadCgroupFile(const std::string& directory, absl::string_view file);
// The number that is the whole file; "max" is UINT64_MAX.
std::optional<uint64_t> ReadCgroupNumber(const std::string& directory, absl::string_view file);
// The number after `key` in lines of "key number" (memory.stat, cgroup.events).
std::optional<uint64_t> CgroupField(absl::string_view text, absl::string_view key);

// Every process in `path` and below, each once. Errors: errno of reading; a missing directory has none.
absl::StatusOr<std::vector<int32_t>> CgroupPids(const std::string& path);

// rmdir(2) of `path` after everything below it. Missing is fine. Returns 0 or errno (EBUSY: has processes).
int RemoveCgroupTree(const std::string& path);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_DIR_H_
