// The way to many lower directories on kernels before Linux 6.8, for its test.
#ifndef CORACLE_OS_OVERLAY_LIST_H_
#define CORACLE_OS_OVERLAY_LIST_H_

#include "absl/status/statusor.h"
#include "os/overlay_mount.h"

namespace coracle::os {

// MakeOverlay as it works where "lowerdir+" is not known: all lower directories in one list, of some eighty
// at most; the working directory changes meanwhile.
absl::StatusOr<UniqueFd> MakeOverlayByList(const OverlayOptions& options);

}  // namespace coracle::os

#endif  // CORACLE_OS_OVERLAY_LIST_H_
