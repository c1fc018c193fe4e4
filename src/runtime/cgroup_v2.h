// The cgroup2 tree: where this process may make cgroups, and which controllers they get.
#ifndef CORACLE_RUNTIME_CGROUP_V2_H_
#define CORACLE_RUNTIME_CGROUP_V2_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "runtime/cgroup_host.h"

namespace coracle::runtime {

// The directory below which a container's cgroup goes; empty if this process may make none.
//
// The root of the tree if we may write there (root). Else the nearest of our own cgroup and its ancestors, as
// far up as they were delegated to us, that can give its children all of `required` and those of cpu, memory
// and pids that are in `wanted`; else all of `required`. A cgroup that holds processes (our own does) gives
// nothing: "no internal processes", cgroup-v2.rst; nothing of the caller's is moved to change that.
std::string ChooseV2Base(const CgroupHierarchy& v2, absl::Span<const std::string> required,
                         absl::Span<const std::string> wanted);

// Whether this process may make cgroups in `directory` and put its children there.
bool IsDelegated(const std::string& directory);

// Switches the controllers on in each cgroup from `base` to the parent of `path`, where they are off and
// permitted. Whether it worked shows in AvailableControllers(path).
void EnableControllers(const std::string& base, const std::string& path,
                       absl::Span<const std::string> wanted);

// cgroup.controllers of a directory.
std::vector<std::string> AvailableControllers(const std::string& directory);

// Waits until `key` in cgroup.events of `directory` is `value`: an event, no polling. False after
// `timeout_ms`, or if the file can't be read. A directory that is gone has no processes: populated 0.
bool WaitForCgroupEvent(const std::string& directory, const char* key, uint64_t value, int timeout_ms);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_V2_H_
