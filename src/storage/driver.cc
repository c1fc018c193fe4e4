#include "storage/driver.h"

#include <stdlib.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "os/overlay_mount.h"
#include "os/user_namespace.h"
#include "store/lease.h"

namespace coracle::storage {
namespace {

// A real overlay with an upper directory on the store's own file system, mounted nowhere.
absl::Status TryOverlay(const store::Store& store, bool user_xattr) {
  ASSIGN_OR_RETURN(const store::Lease lease, store::Lease::Take(store, "probing overlay"));
  os::OverlayOptions options;
  options.user_xattr = user_xattr;
  options.lower = {absl::StrCat(lease.work_dir(), "/lower")};
  options.upper = absl::StrCat(lease.work_dir(), "/upper");
  options.work = absl::StrCat(lease.work_dir(), "/work");
  for (const std::string& dir : {options.lower[0], options.upper, options.work}) {
    RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, dir, 0700));
  }
  return os::MakeOverlay(options).status();
}

absl::Status TryFuse() {
  if (access("/dev/fuse", R_OK | W_OK) != 0) return ErrnoStatus(errno, "open /dev/fuse");
  return FindFuseOverlayfs().status();
}

DriverChoice Probe(const store::Store& store) {
  DriverChoice choice;
  choice.user_xattr = os::InUserNamespace();
  const absl::Status overlay = TryOverlay(store, choice.user_xattr);
  if (overlay.ok()) return choice;
  const absl::Status fuse = TryFuse();
  if (fuse.ok()) {
    choice.driver = Driver::kFuseOverlayfs;
    choice.why = StatusLine(overlay);
  } else {
    choice.driver = Driver::kVfs;
    choice.why = absl::StrCat(StatusLine(overlay), "; ", StatusLine(fuse));
  }
  return choice;
}

std::string CachePath(const store::Store& store) { return absl::StrCat(store.runroot(), "/storage-driver"); }

// Lines: for whom it was found out, driver, reason.
std::string CacheKey(const store::Store& store) {
  return absl::StrCat(store::BootId(), " ", os::InUserNamespace() ? "user" : "init", " ",
                      Printable(store.root()));
}

bool ReadCache(const store::Store& store, DriverChoice& choice) {
  const auto text = os::ReadFileAt(AT_FDCWD, CachePath(store), 64 << 10);
  if (!text.ok()) return false;
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  if (lines.size() < 3 || lines[0] != CacheKey(store)) return false;
  for (const Driver driver : {Driver::kOverlay, Driver::kFuseOverlayfs, Driver::kVfs}) {
    if (lines[1] != DriverName(driver)) continue;
    choice.driver = driver;
    choice.user_xattr = os::InUserNamespace();
    choice.why = lines[2];
    return true;
  }
  return false;
}

}  // namespace

absl::string_view DriverName(Driver driver) {
  switch (driver) {
    case Driver::kOverlay:
      return "overlay";
    case Driver::kFuseOverlayfs:
      return "fuse-overlayfs";
    case Driver::kVfs:
      return "vfs";
  }
  return "overlay";
}

absl::StatusOr<std::string> FindFuseOverlayfs() {
  const char* path = getenv("PATH");
  const std::string places = absl::StrCat(path == nullptr ? "" : path, ":/usr/bin:/usr/local/bin:/bin");
  for (const absl::string_view place : absl::StrSplit(places, ':', absl::SkipEmpty())) {
    const std::string file = absl::StrCat(place, "/fuse-overlayfs");
    if (place[0] == '/' && access(file.c_str(), X_OK) == 0) return file;
  }
  return absl::NotFoundError("fuse-overlayfs is not installed");
}

absl::StatusOr<DriverChoice> ChooseDriver(const store::Store& store, absl::string_view wanted) {
  DriverChoice choice;
  choice.user_xattr = os::InUserNamespace();
  for (const Driver driver : {Driver::kOverlay, Driver::kFuseOverlayfs, Driver::kVfs}) {
    if (wanted != DriverName(driver)) continue;
    choice.driver = driver;
    return choice;
  }
  if (!wanted.empty()) {
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat("storage driver \"", Printable(wanted),
                                                                "\": it is overlay, fuse-overlayfs or vfs")),
                        125);
  }
  if (ReadCache(store, choice)) return choice;
  choice = Probe(store);
  // An answer that was not kept is found out again.
  (void)os::ReplaceFileAt(
      AT_FDCWD, CachePath(store),
      absl::StrCat(CacheKey(store), "\n", DriverName(choice.driver), "\n", choice.why, "\n"),
      os::Durability::kVolatile);
  return choice;
}

}  // namespace coracle::storage
