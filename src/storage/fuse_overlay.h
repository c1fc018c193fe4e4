// The program fuse-overlayfs, for kernels that refuse overlay.
#ifndef CORACLE_STORAGE_FUSE_OVERLAY_H_
#define CORACLE_STORAGE_FUSE_OVERLAY_H_

#include <string>

#include "absl/status/status.h"
#include "os/overlay_mount.h"

namespace coracle::storage {

// Mounts `overlay` at `target`, which is made; it serves until it is unmounted. An earlier mount there is
// replaced. Errors: NotFound if the program is missing; Unknown with what it printed if it ended with an
// error.
absl::Status MountFuseOverlay(const os::OverlayOptions& overlay, const std::string& target);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_FUSE_OVERLAY_H_
