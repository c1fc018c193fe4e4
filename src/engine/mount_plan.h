// The user's mounts at a container's start: volumes are looked up and filled, images and overlays become
// mounts.
#ifndef CORACLE_ENGINE_MOUNT_PLAN_H_
#define CORACLE_ENGINE_MOUNT_PLAN_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"
#include "storage/container_root.h"

namespace coracle::engine {

// Makes the detached mount of one destination; called anew for every start.
using TreeMaker = std::function<absl::StatusOr<os::UniqueFd>()>;

struct MountPlan {
  std::vector<oci::Mount> mounts;  // in the order given
  // Of the binds whose source is not simply a path: by destination.
  std::vector<std::pair<std::string, TreeMaker>> trees;
};

// Fills volumes that are used for the first time from `root`, which the container's start has prepared, and
// gives what has the option U to `user`. Errors: NotFound for a volume that is gone; else of the step, naming
// the mount; exit code 125.
absl::StatusOr<MountPlan> PlanMounts(Engine& engine, const store::ContainerRecord& record,
                                     const storage::PreparedRoot& root, const oci::User& user);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_MOUNT_PLAN_H_
