#include "storage/root_view.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include "base/status.h"
#include "os/file.h"
#include "os/overlay_mount.h"
#include "storage/container_root.h"
#include "storage/copy_tree.h"
#include "storage/driver.h"
#include "storage/fuse_overlay.h"
#include "storage/layer_store.h"
#include "storage/lower_dirs.h"

namespace coracle::storage {
namespace {

absl::StatusOr<os::UniqueFd> OpenRoot(const std::string& path) {
  return os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

// Taken off its place at once: the descriptor alone keeps it.
absl::StatusOr<os::UniqueFd> DetachFuse(const std::string& target) {
  auto fd = OpenRoot(target);
  if (umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && fd.ok()) {
    return ErrnoStatus(errno, absl::StrCat("unmount ", target));
  }
  return fd;
}

// `directories` top first.
absl::StatusOr<RootView> ViewReadOnly(const store::Store& store, std::vector<std::string> directories,
                                      absl::string_view driver) {
  ASSIGN_OR_RETURN(const DriverChoice choice, ChooseDriver(store, driver));
  RootView view;
  if (choice.driver != Driver::kOverlay || directories.size() > os::kMaxOverlayLayers) {
    ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "viewing a root"));
    view.lease.emplace(std::move(lease));
  }
  if (choice.driver == Driver::kVfs) {
    const std::string copy = absl::StrCat(view.lease->work_dir(), "/root");
    for (auto layer = directories.rbegin(); layer != directories.rend(); ++layer) {
      RETURN_IF_ERROR(CopyLayer(*layer, copy, choice.user_xattr), "copy layer");
    }
    ASSIGN_OR_RETURN(view.fd, OpenRoot(copy));
    return view;
  }
  os::OverlayOptions overlay;
  overlay.user_xattr = choice.user_xattr;
  overlay.lower = std::move(directories);
  if (view.lease.has_value()) {
    ASSIGN_OR_RETURN(overlay.lower, FitOverlay(std::move(overlay.lower), view.lease->work_dir(),
                                               choice.user_xattr, os::kMaxOverlayLayers));
  }
  if (choice.driver == Driver::kOverlay) {
    ASSIGN_OR_RETURN(view.fd, os::MakeOverlay(overlay));
    return view;
  }
  const std::string target = absl::StrCat(view.lease->work_dir(), "/merged");
  RETURN_IF_ERROR(MountFuseOverlay(overlay, target));
  ASSIGN_OR_RETURN(view.fd, DetachFuse(target));
  return view;
}

}  // namespace

absl::StatusOr<RootView> ViewContainerRoot(const store::Store& store, const store::ContainerRecord& record,
                                           absl::string_view driver, ViewAccess access) {
  RootView view;
  if (access == ViewAccess::kReadOnly) {
    ASSIGN_OR_RETURN(std::vector<std::string> directories, RootDirs(store, record));
    // A directory alone, be it a --rootfs or the copy of vfs, needs no mount.
    if (directories.size() > 1) return ViewReadOnly(store, std::move(directories), driver);
    ASSIGN_OR_RETURN(view.fd, OpenRoot(directories[0]));
    return view;
  }
  ASSIGN_OR_RETURN(const PreparedRoot root, PrepareRoot(store, record, driver));
  if (root.overlay.has_value()) {
    ASSIGN_OR_RETURN(view.fd, os::MakeOverlay(*root.overlay));
    return view;
  }
  ASSIGN_OR_RETURN(view.fd, OpenRoot(root.path));
  RETURN_IF_ERROR(ReleaseRoot(store, record.id()));
  return view;
}

absl::StatusOr<RootView> ViewImageRoot(const store::Store& store, const std::vector<std::string>& layer_ids,
                                       absl::string_view driver) {
  RootView view;
  if (layer_ids.empty()) {
    ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "viewing an empty root"));
    view.lease.emplace(std::move(lease));
    ASSIGN_OR_RETURN(view.fd, OpenRoot(view.lease->work_dir()));
    return view;
  }
  std::vector<std::string> directories;
  for (const std::string& id : layer_ids) directories.push_back(LayerDiffDir(store, id));
  return ViewReadOnly(store, std::move(directories), driver);
}

absl::StatusOr<os::UniqueFd> ViewRunningRoot(pid_t pid) {
  return os::OpenAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/root"), O_RDONLY | O_DIRECTORY);
}

}  // namespace coracle::storage
