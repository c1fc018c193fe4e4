#include "engine/volume_mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/process_identity.h"
#include "runtime/mount_options.h"

namespace coracle::engine {
namespace {

bool IsMountRoot(int dirfd, const char* path, int flags) {
  struct statx info = {};
  return statx(dirfd, path, flags, STATX_BASIC_STATS, &info) == 0 &&
         (info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// The kernel clones mounts only from the caller's own mount namespace. A child that shares our descriptors
// enters the other one: the number of the descriptor that it opens is all that must come back.
int CloneFrom(int mount_namespace, const char* path) {
  int answer[2];
  if (pipe2(answer, O_CLOEXEC) != 0) return -errno;
  const long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    int result = setns(mount_namespace, CLONE_NEWNS) == 0 ? 0 : -errno;
    // No link is followed: the container may have put one there.
    if (result == 0) result = os::OpenResolved(AT_FDCWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    if (result >= 0) {
      const int directory = result;
      result = IsMountRoot(directory, "", AT_EMPTY_PATH) ? os::CloneMount(directory, "", /*recursive=*/false)
                                                         : -EXDEV;
      close(directory);
    }
    (void)!write(answer[1], &result, sizeof(result));
    _exit(0);
  }
  int result = child < 0 ? -errno : -ECHILD;
  if (child > 0) {
    // Our own end of the pipe is open in both: the child's end is told by its death.
    int status = 0;
    while (waitpid(static_cast<pid_t>(child), &status, 0) < 0 && errno == EINTR) {
    }
    const int flags = fcntl(answer[0], F_SETFL, O_NONBLOCK);
    if (flags < 0 || read(answer[0], &result, sizeof(result)) != sizeof(result)) result = -ECHILD;
  }
  close(answer[0]);
  close(answer[1]);
  return result;
}

// A clone of the mount that a running container has of it; invalid if there is none.
os::UniqueFd CloneFromContainer(Engine& engine, const std::string& volume) {
  const auto users = store::UsersOfVolume(engine.store, volume);
  if (!users.ok()) return os::UniqueFd();
  for (const std::string& id : *users) {
    const auto view = Look(engine, id);
    if (!view.ok() || !IsRunning(*view)) continue;
    const auto process = os::OpenProcess(view->state.pid(), view->state.pid_start_time());
    const auto mounts = os::OpenAt(AT_FDCWD, absl::StrCat("/proc/", view->state.pid(), "/ns/mnt"), O_RDONLY);
    if (!process.ok() || !mounts.ok()) continue;
    for (const store::Mount& mount : view->record.config().mounts()) {
      if (mount.type() != "volume" || mount.source() != volume || !mount.subpath().empty() ||
          mount.overlay()) {
        continue;
      }
      os::UniqueFd tree(CloneFrom(mounts->get(), mount.destination().c_str()));
      if (tree.get() >= 0) return tree;
      (void)tree.Release();
    }
  }
  return os::UniqueFd();
}

absl::StatusOr<os::UniqueFd> MountNew(const store::VolumeRecord& record, const VolumePlace& place) {
  ASSIGN_OR_RETURN(const runtime::MountOptions options, runtime::ParseMountOptions(place.options));
  std::vector<os::FsOption> list = {{"source", place.path.c_str()}};
  for (const runtime::MountOptions::Data& data : options.data) {
    list.push_back({data.key.c_str(), data.is_flag ? nullptr : data.value.c_str()});
  }
  // The superblock's own switch: the attribute alone would leave a device open for writing.
  if (((options.set | options.recursive_set) & MOUNT_ATTR_RDONLY) != 0) list.push_back({"ro", nullptr});
  char message[200] = {};
  os::UniqueFd tree(os::MakeFileSystem(place.type.c_str(), list, options.set | options.recursive_set, message,
                                       sizeof(message)));
  if (tree.get() >= 0) return tree;
  const int error = -tree.Release();
  std::string text = absl::StrCat("volume ", record.name(), ": mount ", place.path, " of type ", place.type);
  if (message[0] != '\0') absl::StrAppend(&text, ": ", message);
  if (error == ENODEV) absl::StrAppend(&text, ": this kernel does not know the type");
  return WithExitCode(ErrnoStatus(error, text), 125);
}

}  // namespace

bool IsMountPoint(const std::string& path) {
  return IsMountRoot(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
}

absl::StatusOr<os::UniqueFd> MountFileSystemOf(Engine& engine, const store::VolumeRecord& record,
                                               const VolumePlace& place) {
  const std::string data = store::VolumeDataDir(engine.store, record.name());
  if (IsMountPoint(data)) {
    os::UniqueFd tree(os::CloneMount(AT_FDCWD, data.c_str(), /*recursive=*/false));
    if (tree.get() >= 0) return tree;
    return ErrnoStatus(-tree.Release(), absl::StrCat("clone the mount of ", data));
  }
  os::UniqueFd shared = CloneFromContainer(engine, record.name());
  if (shared.valid()) {
    // As this volume says, not as that container has it.
    ASSIGN_OR_RETURN(const runtime::MountOptions options, runtime::ParseMountOptions(place.options));
    const int result = os::SetMountAttributes(
        shared.get(),
        {.set = options.set, .clear = MOUNT_ATTR_RDONLY & ~options.set, .propagation = MS_PRIVATE},
        /*recursive=*/false);
    if (result < 0) return ErrnoStatus(-result, absl::StrCat("share the mount of volume ", record.name()));
    return shared;
  }
  return MountNew(record, place);
}

}  // namespace coracle::engine
