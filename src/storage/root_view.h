// A root file system seen from outside its container's namespaces, for cp, export, mount, and whoever reads
// an image's files.
//
// Nothing is mounted where others could see it: the mount is detached and lives as long as its descriptor.
#ifndef CORACLE_STORAGE_ROOT_VIEW_H_
#define CORACLE_STORAGE_ROOT_VIEW_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::storage {

enum class ViewAccess { kReadOnly, kWritable };

// Declared in this order: the descriptor is closed, then what it lies on is deleted.
struct RootView {
  std::optional<store::Lease> lease;
  os::UniqueFd fd;  // the root directory, for openat2(2) with RESOLVE_IN_ROOT; may be opened with O_PATH
};

// The root of a container without what is mounted inside it (volumes, /proc). `driver` as in PrepareRoot.
//
// kReadOnly: also of a running container, as it is now; what changes later may or may not be seen. kWritable:
// only while the container does not run and cannot be started (the caller holds its op lock); for one that
// runs see ViewRunningRoot. Needs CAP_SYS_ADMIN in the user namespace, as kNeedsUserns gives.
// Errors: NotFound if a layer is gone; else as PrepareRoot and os::MakeOverlay.
absl::StatusOr<RootView> ViewContainerRoot(const store::Store& store, const store::ContainerRecord& record,
                                           absl::string_view driver, ViewAccess access);

// The root of an image, read-only. `layer_ids` top first. The caller keeps the layers from being removed.
absl::StatusOr<RootView> ViewImageRoot(const store::Store& store, const std::vector<std::string>& layer_ids,
                                       absl::string_view driver);

// The root as the process `pid` sees it, with all that is mounted inside. Errors: NotFound if it has ended.
absl::StatusOr<os::UniqueFd> ViewRunningRoot(pid_t pid);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_ROOT_VIEW_H_
