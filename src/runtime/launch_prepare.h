// What the parent opens before the clone, while it has the host's privileges and view: sources of bind
// mounts, namespaces to join, the root, the gate.
#ifndef CORACLE_RUNTIME_LAUNCH_PREPARE_H_
#define CORACLE_RUNTIME_LAUNCH_PREPARE_H_

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"
#include "runtime/container.h"
#include "runtime/launch_child.h"
#include "runtime/launch_plan.h"

namespace coracle::runtime {

struct Prepared {
  os::UniqueFd root;
  std::vector<os::UniqueFd> trees;  // as plan.mounts
  std::vector<std::pair<std::string, os::UniqueFd>> cgroup_views;
  std::vector<os::UniqueFd> join;  // as plan.joined

  // The same as plain descriptors, for the child.
  void Describe(ChildContext& context) const;
};

// Errors: the errno of the object that could not be opened, which is named. Everything is detached: nothing
// is left.
absl::StatusOr<Prepared> PrepareLaunch(const CreateRequest& request, const LaunchPlan& plan);

// Checks that 3 .. 3+count-1 are open.
absl::Status CheckPreservedFds(int count);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_LAUNCH_PREPARE_H_
