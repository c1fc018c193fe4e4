#include "engine/host_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/process.h"
#include "os/process_identity.h"
#include "storage/container_root.h"
#include "storage/driver.h"
#include "storage/root_view.h"

namespace coracle::engine {
namespace {

std::string TargetOf(const Engine& engine, absl::string_view kind, absl::string_view id) {
  return absl::StrCat(engine.store.runroot(), "/mounts/", kind, "-", id);
}

bool IsMountPoint(const std::string& path) {
  struct statx info = {};
  return statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// A detached clone of the root mount of the process, taken from within its mount namespace: the kernel clones
// only mounts of one's own. A child goes there and opens it, and its descriptor is fetched by pidfd_getfd(2).
absl::StatusOr<os::UniqueFd> CloneRootOf(const ContainerView& view) {
  ASSIGN_OR_RETURN(const os::UniqueFd pidfd, os::OpenProcess(view.state.pid(), view.state.pid_start_time()));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  const os::UniqueFd output(ends[0]);
  os::UniqueFd input(ends[1]);
  os::CloneResult child;
  const int made = os::CloneProcess({}, &child);
  if (made < 0) return ErrnoStatus(-made, "start a process");
  if (child.pid == 0) {
    int result = -1;
    if (setns(pidfd.get(), CLONE_NEWNS) == 0) result = os::CloneMount(AT_FDCWD, "/", /*recursive=*/false);
    if (result < 0) result = -errno;
    (void)!write(input.get(), &result, sizeof(result));
    for (;;) pause();  // the descriptor has to live until it is fetched
  }
  os::ChildProcess process(child.pid, os::UniqueFd(child.pidfd));
  input.Reset();
  int number = -EIO;
  if (read(output.get(), &number, sizeof(number)) != sizeof(number) || number < 0) {
    return ErrnoStatus(number < 0 ? -number : EIO, "clone the container's root mount");
  }
  os::UniqueFd mount(static_cast<int>(syscall(SYS_pidfd_getfd, process.pidfd(), number, 0)));
  if (!mount.valid()) return ErrnoStatus(errno, "fetch the container's root mount");
  return mount;
}

absl::Status Attach(int mount_fd, const std::string& target) {
  RETURN_IF_ERROR(os::MakeDirectories(target, 0700));
  const int result = os::AttachMount(mount_fd, AT_FDCWD, target.c_str());
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("mount at ", target));
  return absl::OkStatus();
}

absl::Status NotWith(storage::Driver driver, absl::string_view what) {
  return WithExitCode(
      absl::UnimplementedError(
          absl::StrCat(what, " is not supported yet with the storage driver ", storage::DriverName(driver))),
      125);
}

absl::StatusOr<bool> Unmount(const std::string& target) {
  const bool mounted = IsMountPoint(target);
  if (mounted && umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0) {
    return ErrnoStatus(errno, absl::StrCat("unmount ", target));
  }
  (void)rmdir(target.c_str());  // an empty directory does no harm
  return mounted;
}

}  // namespace

absl::StatusOr<std::string> MountContainer(Engine& engine, const ContainerView& view) {
  const std::string target = TargetOf(engine, "container", view.record.id());
  if (IsMountPoint(target)) return target;
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
  ASSIGN_OR_RETURN(const storage::DriverChoice choice,
                   storage::ChooseDriver(engine.store, engine.settings.storage_driver));
  const bool is_directory = !view.record.rootfs().empty() && !view.record.config().rootfs_overlay();
  if (is_directory || choice.driver == storage::Driver::kVfs) {
    ASSIGN_OR_RETURN(const storage::PreparedRoot root,
                     storage::PrepareRoot(engine.store, view.record, engine.settings.storage_driver));
    return root.path;
  }
  if (choice.driver != storage::Driver::kOverlay) return NotWith(choice.driver, "mount");
  if (IsRunning(view)) {
    ASSIGN_OR_RETURN(const os::UniqueFd mount, CloneRootOf(view), "container ", view.record.name());
    RETURN_IF_ERROR(Attach(mount.get(), target));
    return target;
  }
  ASSIGN_OR_RETURN(const storage::RootView root,
                   storage::ViewContainerRoot(engine.store, view.record, engine.settings.storage_driver,
                                              storage::ViewAccess::kWritable));
  RETURN_IF_ERROR(Attach(root.fd.get(), target));
  return target;
}

absl::StatusOr<std::string> MountImage(Engine& engine, const image::ImageInfo& info) {
  const std::string target = TargetOf(engine, "image", info.record.id());
  if (IsMountPoint(target)) return target;
  ASSIGN_OR_RETURN(const storage::DriverChoice choice,
                   storage::ChooseDriver(engine.store, engine.settings.storage_driver));
  if (choice.driver != storage::Driver::kOverlay) return NotWith(choice.driver, "image mount");
  const std::vector<std::string> layers(info.record.layer_ids().rbegin(), info.record.layer_ids().rend());
  if (layers.empty()) return absl::FailedPreconditionError("the image has no layers");
  if (layers.size() > os::kMaxOverlayLayers) {
    return absl::UnimplementedError(
        absl::StrCat("an image of more than ", os::kMaxOverlayLayers, " layers can't be mounted yet"));
  }
  ASSIGN_OR_RETURN(const storage::RootView root,
                   storage::ViewImageRoot(engine.store, layers, engine.settings.storage_driver));
  RETURN_IF_ERROR(Attach(root.fd.get(), target));
  return target;
}

std::string ContainerMountPoint(const Engine& engine, absl::string_view id) {
  std::string target = TargetOf(engine, "container", id);
  return IsMountPoint(target) ? target : "";
}
std::string ImageMountPoint(const Engine& engine, absl::string_view id) {
  std::string target = TargetOf(engine, "image", id);
  return IsMountPoint(target) ? target : "";
}

std::vector<std::string> MountedImages(const Engine& engine) {
  std::vector<std::string> mounted;
  const auto names = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(engine.store.runroot(), "/mounts"));
  if (!names.ok()) return mounted;  // nothing was ever mounted
  for (absl::string_view name : *names) {
    if (!absl::ConsumePrefix(&name, "image-") || ImageMountPoint(engine, name).empty()) continue;
    mounted.emplace_back(name);
  }
  return mounted;
}

absl::StatusOr<bool> UnmountContainer(Engine& engine, absl::string_view id) {
  return Unmount(TargetOf(engine, "container", id));
}
absl::StatusOr<bool> UnmountImage(Engine& engine, absl::string_view id) {
  return Unmount(TargetOf(engine, "image", id));
}

}  // namespace coracle::engine
