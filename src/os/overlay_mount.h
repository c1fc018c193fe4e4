// An overlay file system through the fd-based mount API.
#ifndef CORACLE_OS_OVERLAY_MOUNT_H_
#define CORACLE_OS_OVERLAY_MOUNT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::os {

struct OverlayOptions {
  std::vector<std::string> lower;  // absolute paths, top layer first; at least one, at most
                                   // kMaxOverlayLayers; one that comes again further down does nothing there
  std::string upper, work;   // both empty: a read-only overlay (which needs two lower directories, or none)
  bool user_xattr = false;   // overlay keeps its marks in user.overlay.*: needed in a user namespace
  bool is_volatile = false;  // no syncs by overlay
};
inline constexpr size_t kMaxOverlayLayers = 500;  // OVL_MAX_STACK

// A detached mount; it lives as long as the descriptor, or until move_mount(2) attaches it.
// A single lower directory with no upper gives a read-only clone of that directory instead (overlay refuses
// one). Errors: InvalidArgument for too many layers, else the errno of the step with the kernel's own message
// from the fs context appended. Source: Documentation/filesystems/overlayfs.rst ("lowerdir+", Linux 6.8;
// before, one colon list), fsopen(2).
absl::StatusOr<UniqueFd> MakeOverlay(const OverlayOptions& options);

}  // namespace coracle::os

#endif  // CORACLE_OS_OVERLAY_MOUNT_H_
