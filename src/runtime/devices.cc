// Device nodes and the links of /dev, and the paths that are masked or made read-only.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/mount.h"
#include "runtime/launch_child.h"

namespace coracle::runtime {
namespace {

using os::RootedPath;

[[noreturn]] void FailDevice(const ChildContext& context, const PlannedDevice& device, int error) {
  Fail(context.channel, SetupStep::kDevice, error, device.host_path.c_str());
}

// A user namespace may not make device nodes: the host's is bound instead.
void BindDevice(const ChildContext& context, const PlannedDevice& device, int parent, const char* name) {
  const int tree = os::CloneMount(AT_FDCWD, device.host_path.c_str(), /*recursive=*/false);
  if (tree < 0) FailDevice(context, device, -tree);
  const int file = openat(parent, name, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
  const int result = file < 0 ? -errno : os::AttachMount(tree, file, "");
  if (result < 0) FailDevice(context, device, -result);
  close(file);
  close(tree);
}

void MakeDevice(const ChildContext& context, const PlannedDevice& device, int parent, const char* name) {
  if (mknodat(parent, name, device.mode, device.device) != 0) {
    if (errno == EPERM) return BindDevice(context, device, parent, name);
    if (errno != EEXIST) FailDevice(context, device, errno);
    struct stat info;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0) FailDevice(context, device, errno);
    // What the image or a mount put there is kept only if it is this very device.
    if ((info.st_mode & S_IFMT) != (device.mode & S_IFMT) || info.st_rdev != device.device) {
      FailDevice(context, device, EEXIST);
    }
  }
  if ((device.uid != 0 || device.gid != 0) &&
      fchownat(parent, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    FailDevice(context, device, errno);
  }
}

// The directory that holds it, made where missing.
int ParentOf(const ChildContext& context, const PlannedDevice& device, const RootView& view) {
  const std::string& path = device.host_path;
  const auto parent = RootedPath::Parse(path.substr(0, path.rfind('/')));
  if (!parent.ok()) FailDevice(context, device, EINVAL);
  const int fd = parent->OpenOrCreate(view.root, RootedPath::Kind::kDirectory);
  if (fd < 0) FailDevice(context, device, -fd);
  return fd;
}

// runtime-spec runtime-linux.md, "Dev symbolic links"; config-linux.md for ptmx.
void MakeLinks(const ChildContext& context, int dev) {
  constexpr struct {
    const char* target;
    const char* name;
  } kLinks[] = {{"/proc/self/fd", "fd"},
                {"/proc/self/fd/0", "stdin"},
                {"/proc/self/fd/1", "stdout"},
                {"/proc/self/fd/2", "stderr"},
                {"pts/ptmx", "ptmx"}};
  for (const auto& link : kLinks) {
    if (symlinkat(link.target, dev, link.name) != 0 && errno != EEXIST) {
      Fail(context.channel, SetupStep::kDevice, errno, link.name);
    }
  }
}

// The path that a mask or a read-only mount goes over; -1: it isn't there. Below /proc and /sys it is opened
// from the mount itself and without links, so that what an image put at "/proc" does not matter.
int OpenCovered(const ChildContext& context, const RootedPath& path, const RootView& view, SetupStep step) {
  int fd = -1;
  if (view.proc >= 0 && path.IsBelow("proc") && path.Display() != "/proc") {
    fd = path.OpenBelow(view.proc, strlen("proc/"), O_PATH);
  } else if (view.sys >= 0 && path.IsBelow("sys") && path.Display() != "/sys") {
    fd = path.OpenBelow(view.sys, strlen("sys/"), O_PATH);
  } else {
    fd = path.Open(view.root, O_PATH, RootedPath::Links::kFollowInRoot);
  }
  if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES) return -1;
  if (fd < 0) Fail(context.channel, step, -fd, path.Display().c_str());
  return fd;
}

// One empty, read-only directory covers all others; it is made when first needed.
struct Covers {
  int directory = -1;
};

int NullTree(const ChildContext& context, const RootView& view) {
  const int tree = view.dev_is_fresh ? os::CloneMount(view.dev, "null", /*recursive=*/false)
                                     : os::CloneMount(AT_FDCWD, "/dev/null", /*recursive=*/false);
  if (tree < 0) Fail(context.channel, SetupStep::kMaskPath, -tree, "/dev/null");
  return tree;
}

int DirectoryTree(const ChildContext& context, Covers& covers) {
  if (covers.directory >= 0) {
    const int tree = os::CloneMount(covers.directory, "", /*recursive=*/false);
    if (tree < 0) Fail(context.channel, SetupStep::kMaskPath, -tree, "empty directory");
    return tree;
  }
  const os::FsOption options[] = {{"nr_inodes", "1"}, {"size", "4k"}, {"mode", "555"}};
  covers.directory = os::MakeFileSystem(
      "tmpfs", options, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, nullptr,
      0);
  if (covers.directory < 0) Fail(context.channel, SetupStep::kMaskPath, -covers.directory, "empty directory");
  return covers.directory;
}

void MaskPaths(const ChildContext& context, const RootView& view) {
  Covers covers;
  for (const RootedPath& path : context.plan->masked) {
    const int target = OpenCovered(context, path, view, SetupStep::kMaskPath);
    if (target < 0) continue;
    // Looking is cheap; a cover made for nothing is not: closing an unused mount waits for a grace period
    // (0.1 ms).
    struct stat info;
    if (fstat(target, &info) != 0) Fail(context.channel, SetupStep::kMaskPath, errno, path.Display().c_str());
    const int tree = S_ISDIR(info.st_mode) ? DirectoryTree(context, covers) : NullTree(context, view);
    const int result = os::AttachMount(tree, target, "");
    if (result < 0) Fail(context.channel, SetupStep::kMaskPath, -result, path.Display().c_str());
    if (tree != covers.directory) close(tree);
    close(target);
  }
}

void MakePathsReadOnly(const ChildContext& context, const RootView& view) {
  for (const RootedPath& path : context.plan->read_only) {
    const int target = OpenCovered(context, path, view, SetupStep::kReadOnlyPath);
    if (target < 0) continue;
    const int tree = os::CloneMount(target, "", /*recursive=*/true);
    int result = tree;
    if (result >= 0) result = os::SetMountAttributes(tree, {.set = MOUNT_ATTR_RDONLY}, /*recursive=*/true);
    if (result >= 0) result = os::AttachMount(tree, target, "");
    if (result < 0) Fail(context.channel, SetupStep::kReadOnlyPath, -result, path.Display().c_str());
    close(tree);
    close(target);
  }
}

}  // namespace

void MakeDevices(const ChildContext& context, const RootView& view) {
  if (!context.plan->make_devices) return;
  const mode_t old_umask = umask(0);
  int dev = view.dev_is_fresh ? view.dev : -1;
  for (const PlannedDevice& device : context.plan->devices) {
    const bool direct = dev >= 0 && !device.name.empty() && device.name.find('/') == std::string::npos;
    const int parent = direct ? dev : ParentOf(context, device, view);
    const char* name = device.host_path.c_str() + device.host_path.rfind('/') + 1;
    MakeDevice(context, device, parent, name);
    if (!direct) close(parent);
  }
  umask(old_umask);
  if (dev < 0) {
    const auto path = RootedPath::Parse("/dev");
    dev = path->Open(view.root, O_PATH | O_DIRECTORY, RootedPath::Links::kFollowInRoot);
  }
  if (dev >= 0) MakeLinks(context, dev);
}

void CoverPaths(const ChildContext& context, const RootView& view) {
  MakePathsReadOnly(context, view);
  MaskPaths(context, view);
}

}  // namespace coracle::runtime
