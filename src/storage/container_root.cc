#include "storage/container_root.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/status.h"
#include "storage/copy_tree.h"
#include "storage/driver.h"
#include "storage/fuse_overlay.h"
#include "storage/lower_dirs.h"

namespace coracle::storage {
namespace {

constexpr int kExitEngine = 125;

absl::StatusOr<struct stat> StatRoot(const std::string& directory, absl::string_view what) {
  struct stat info;
  if (stat(directory.c_str(), &info) != 0) {
    return WithExitCode(ErrnoStatus(errno, absl::StrCat(what, " ", directory)), kExitEngine);
  }
  if (!S_ISDIR(info.st_mode))
    return WithExitCode(ErrnoStatus(ENOTDIR, absl::StrCat(what, " ", directory)), kExitEngine);
  return info;
}

// The container sees upper's mode and owner on "/".
absl::Status MakeUpper(const std::string& path, const struct stat& like) {
  const mode_t mode = like.st_mode & 07777;
  if (mkdir(path.c_str(), mode) != 0) {
    if (errno == EEXIST) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("make directory ", path));
  }
  struct stat made;
  if (stat(path.c_str(), &made) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if ((made.st_uid != like.st_uid || made.st_gid != like.st_gid) &&
      chown(path.c_str(), like.st_uid, like.st_gid) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", path));
  }
  if ((made.st_mode & 07777) != mode && chmod(path.c_str(), mode) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the mode of ", path));
  }
  return absl::OkStatus();
}

// Copies once; the copy is whole when it has its name.
absl::StatusOr<PreparedRoot> PrepareCopy(const std::string& dir, const std::vector<std::string>& lower,
                                         bool user_xattr) {
  PreparedRoot root;
  root.path = absl::StrCat(dir, "/root");
  if (os::ExistsAt(AT_FDCWD, root.path)) return root;
  const std::string unfinished = absl::StrCat(dir, "/root.new");
  RETURN_IF_ERROR(os::RemoveTreeAt(AT_FDCWD, unfinished));
  for (auto layer = lower.rbegin(); layer != lower.rend(); ++layer) {
    RETURN_IF_ERROR(CopyLayer(*layer, unfinished, user_xattr), "copy layer");
  }
  if (rename(unfinished.c_str(), root.path.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename ", unfinished));
  }
  return root;
}

}  // namespace

absl::StatusOr<PreparedRoot> PrepareRoot(const store::Store& store, const store::ContainerRecord& record,
                                         absl::string_view driver) {
  PreparedRoot root;
  if (!record.rootfs().empty() && !record.config().rootfs_overlay()) {
    RETURN_IF_ERROR(StatRoot(record.rootfs(), "rootfs").status());
    root.path = record.rootfs();
    return root;
  }
  ASSIGN_OR_RETURN(const DriverChoice choice, ChooseDriver(store, driver));
  os::OverlayOptions overlay;
  ASSIGN_OR_RETURN(overlay.lower, LowerDirs(store, record));
  ASSIGN_OR_RETURN(const struct stat top,
                   StatRoot(overlay.lower.front(), record.rootfs().empty() ? "layer" : "rootfs"));
  const std::string dir = store.ContainerDir(record.id());
  if (choice.driver == Driver::kVfs) return PrepareCopy(dir, overlay.lower, choice.user_xattr);
  ASSIGN_OR_RETURN(overlay.lower,
                   FitOverlay(std::move(overlay.lower), dir, choice.user_xattr, os::kMaxOverlayLayers));
  overlay.upper = absl::StrCat(dir, "/upper");
  overlay.work = absl::StrCat(dir, "/work");
  overlay.user_xattr = choice.user_xattr;
  RETURN_IF_ERROR(MakeUpper(overlay.upper, top));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, overlay.work, 0700));
  if (choice.driver == Driver::kOverlay) {
    root.overlay = std::move(overlay);
    return root;
  }
  root.path = absl::StrCat(dir, "/merged");
  RETURN_IF_ERROR(MountFuseOverlay(overlay, root.path));
  return root;
}

absl::Status ReleaseRoot(const store::Store& store, absl::string_view id) {
  const std::string merged = absl::StrCat(store.ContainerDir(id), "/merged");
  // Missing, or no mount: the other drivers.
  if (umount2(merged.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == ENOENT || errno == EINVAL ||
      errno == EPERM) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, absl::StrCat("unmount ", merged));
}

}  // namespace coracle::storage
