// The root file system of a container, ready for the runtime.
//
// Three drivers. `overlay`: nothing is mounted here, the runtime mounts the overlay inside the container's
// own mount namespace. Where the kernel refuses overlay (nested on an overlay, old kernels in a user
// namespace), `fuse-overlayfs` mounts one below the container's directory, and `vfs` copies the layers there,
// by reflink where the file system can. Which one works is found out by trying, once a boot.
#ifndef CORACLE_STORAGE_CONTAINER_ROOT_H_
#define CORACLE_STORAGE_CONTAINER_ROOT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "os/overlay_mount.h"
#include "store/store.h"

namespace coracle::storage {

struct PreparedRoot {
  std::optional<os::OverlayOptions> overlay;  // the runtime mounts this
  std::string path;                           // else the root is this directory
};

// Makes what a start of the container needs: upper and work directories, whose root has the mode and owner of
// the top layer's; or the mount or copy of the other drivers. `driver`: "" (the first that works), overlay,
// fuse-overlayfs or vfs. A container with `rootfs` gets that directory, or with rootfs_overlay an overlay
// over it. What a stopped container wrote is there again. Errors: InvalidArgument for an unknown driver;
// Unimplemented if the driver does not work here, with the kernel's reason; NotFound if the rootfs or a layer
// is gone.
absl::StatusOr<PreparedRoot> PrepareRoot(const store::Store& store, const store::ContainerRecord& record,
                                         absl::string_view driver);

// Undoes what PrepareRoot mounted on the host; the content stays. Nothing prepared is fine. To be called
// before the container's directory is removed.
absl::Status ReleaseRoot(const store::Store& store, absl::string_view id);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_CONTAINER_ROOT_H_
