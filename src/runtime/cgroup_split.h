// A container's cgroup inside the one that its caller was started in, as units of systemd with Delegate=yes
// have it.
#ifndef CORACLE_RUNTIME_CGROUP_SPLIT_H_
#define CORACLE_RUNTIME_CGROUP_SPLIT_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/cgroup_host.h"

namespace coracle::runtime {

// Moves this process, and its parent if that is in the same cgroup, to the leaf `supervisor` of their cgroup,
// for one that holds processes can't pass controllers on ("no internal processes", cgroup-v2.rst). Does
// nothing in a process that is there already. Returns the absolute directory in which the container's leaf
// belongs. Errors: FailedPrecondition without a cgroup v2 tree alone, or where the cgroup is the tree's root
// or not delegated to us.
absl::StatusOr<std::string> EnterSupervisorLeaf(const CgroupLayout& layout);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_SPLIT_H_
