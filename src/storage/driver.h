// Which storage driver works here: a ladder, each rung tried, the answer kept in runroot for this boot.
#ifndef CORACLE_STORAGE_DRIVER_H_
#define CORACLE_STORAGE_DRIVER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::storage {

enum class Driver { kOverlay, kFuseOverlayfs, kVfs };
absl::string_view DriverName(Driver driver);  // "overlay", "fuse-overlayfs", "vfs"

struct DriverChoice {
  Driver driver = Driver::kOverlay;
  bool user_xattr = false;  // overlay's marks are user.overlay.*
  std::string why;          // why no rung above this one; empty if it was asked for or is the first
};

// The driver for `wanted` ("" is the first that works). Errors: InvalidArgument for an unknown name.
absl::StatusOr<DriverChoice> ChooseDriver(const store::Store& store, absl::string_view wanted);

// The path of the program fuse-overlayfs in PATH or the usual places. Errors: NotFound.
absl::StatusOr<std::string> FindFuseOverlayfs();

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_DRIVER_H_
