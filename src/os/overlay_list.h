// Overlay as kernels before Linux 6.8 mount it.
#ifndef CORACLE_OS_OVERLAY_LIST_H_
#define CORACLE_OS_OVERLAY_LIST_H_

#include "absl/status/statusor.h"
#include "os/overlay_mount.h"

namespace coracle::os {

// MakeOverlay where "lowerdir+" is not known and the list of directories is longer than a value of
// fsconfig(2) may be: by mount(2), which takes a page of options, in a mount namespace that nobody else sees.
// Needs an upper directory or two lower ones. Errors: as MakeOverlay. Source: mount(2), open_tree(2).
absl::StatusOr<UniqueFd> MakeOverlayByList(const OverlayOptions& options);

}  // namespace coracle::os

#endif  // CORACLE_OS_OVERLAY_LIST_H_
