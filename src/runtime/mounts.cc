// The mounts of a container, made by the child in its new mount namespace while the host's root is still in
// view.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/mount.h"
#include "runtime/copy_up.h"
#include "runtime/launch_child.h"

namespace coracle::runtime {
namespace {

using os::RootedPath;

constexpr long kProcMagic = 0x9fa0;
constexpr size_t kMaxFsOptions = 64;

[[noreturn]] void FailMount(const ChildContext& context, const PlannedMount& mount, int error,
                            const char* reason = "") {
  char detail[236];
  if (*reason != '\0') {
    snprintf(detail, sizeof(detail), "%.120s: %.110s", mount.destination.c_str(), reason);
  } else {
    snprintf(detail, sizeof(detail), "%.230s", mount.destination.c_str());
  }
  Fail(context.channel, SetupStep::kMount, error, detail);
}

// A mount inside the container's proc can forge what programs trust there (attributes of processes, sysctls).
void GuardProc(const ChildContext& context, const PlannedMount& mount, const RootView& view, int target) {
  if (view.proc < 0 || mount.allowed_inside_proc) return;
  struct statfs info;
  if (fstatfs(target, &info) == 0 && info.f_type == kProcMagic) {
    FailMount(context, mount, EPERM, "it is inside the container's /proc");
  }
}

int OpenTarget(const ChildContext& context, const PlannedMount& mount, const RootView& view, int tree) {
  const RootedPath::Links links =
      mount.refuse_links ? RootedPath::Links::kRefuse : RootedPath::Links::kFollowInRoot;
  // /dev/pts, /dev/shm and /dev/mqueue in the /dev that we have just made: nothing there can be in the way.
  if (view.dev_is_fresh && tree >= 0 && mount.in_dev && mount.kind == PlannedMount::Kind::kFileSystem) {
    const char* name = mount.destination.c_str() + strlen("/dev/");
    if (mkdirat(view.dev, name, 0755) == 0) {
      const int target = openat(view.dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
      if (target >= 0) return target;
    }
  }
  int target = mount.target.Open(view.root, O_PATH, links);
  if (target == -ENOENT) {
    RootedPath::Kind kind = RootedPath::Kind::kDirectory;
    struct stat info;
    if (tree >= 0 && fstat(tree, &info) == 0 && !S_ISDIR(info.st_mode)) kind = RootedPath::Kind::kFile;
    target = mount.target.OpenOrCreate(view.root, kind);
  }
  if (target == -ELOOP && mount.refuse_links) {
    FailMount(context, mount, ELOOP, "the root file system has a symbolic link there");
  }
  if (target < 0) FailMount(context, mount, -target);
  GuardProc(context, mount, view, target);
  return target;
}

void Attach(const ChildContext& context, const PlannedMount& mount, const RootView& view, int tree) {
  const int target = OpenTarget(context, mount, view, tree);
  const int result = os::AttachMount(tree, target, "");
  if (result < 0) {
    // EINVAL says too little: most often a file and a directory were to meet.
    struct stat from, to;
    if (result == -EINVAL && fstat(tree, &from) == 0 && fstat(target, &to) == 0 &&
        S_ISDIR(from.st_mode) != S_ISDIR(to.st_mode)) {
      FailMount(context, mount, S_ISDIR(to.st_mode) ? EISDIR : ENOTDIR);
    }
    FailMount(context, mount, -result);
  }
  close(target);
}

void Propagate(const ChildContext& context, const PlannedMount& mount, int tree) {
  for (const unsigned long flags : mount.options.propagation) {
    const int result = os::SetMountAttributes(
        tree, {.propagation = flags & ~static_cast<unsigned long>(MS_REC)}, (flags & MS_REC) != 0);
    if (result < 0) FailMount(context, mount, -result, "set propagation");
  }
}

struct FsOptions {
  os::FsOption list[kMaxFsOptions];
  size_t count = 0;
  bool has_source = false;
};

void Collect(const ChildContext& context, const PlannedMount& mount, bool without_gid, FsOptions& options) {
  options.count = 0;
  if (!mount.source.empty()) options.list[options.count++] = {"source", mount.source.c_str()};
  const std::string& label = context.request->spec->linux_config.mount_label;
  if (!label.empty() && (mount.type == "tmpfs" || mount.type == "mqueue" || mount.type == "devpts")) {
    options.list[options.count++] = {"context", label.c_str()};  // SELinux
  }
  for (const MountOptions::Data& data : mount.options.data) {
    if (without_gid && data.key == "gid") continue;
    // A word of mount(8)'s devpts that the kernel has taken as given since 4.7.
    if (mount.type == "devpts" && data.key == "newinstance") continue;
    if (options.count == kMaxFsOptions) FailMount(context, mount, E2BIG, "too many options");
    options.list[options.count++] = {data.key.c_str(), data.is_flag ? nullptr : data.value.c_str()};
  }
}

int MakeNew(const ChildContext& context, const PlannedMount& mount, char* message, size_t size) {
  const uint64_t attributes = mount.options.set | mount.options.recursive_set;
  FsOptions options;
  Collect(context, mount, /*without_gid=*/false, options);
  int tree = os::MakeFileSystem(mount.type.c_str(), {options.list, options.count}, attributes, message, size);
  if (tree == -EINVAL && mount.type == "devpts") {
    // gid=5 (tty) is not mapped in a user namespace of few ids.
    Collect(context, mount, /*without_gid=*/true, options);
    tree = os::MakeFileSystem(mount.type.c_str(), {options.list, options.count}, attributes, message, size);
  }
  if (tree != -EPERM && tree != -EBUSY) return tree;
  // In a user namespace that does not own the network (ipc, pid) namespace, the kernel refuses a new sysfs
  // (mqueue, proc): the host's own shows the same, since the namespace is the host's.
  const LaunchPlan& plan = *context.plan;
  if (mount.type == "sysfs" && !plan.IsNew(CLONE_NEWNET))
    return os::CloneMount(AT_FDCWD, "/sys", /*recursive=*/true);
  if (mount.type == "mqueue" && !plan.IsNew(CLONE_NEWIPC)) {
    return os::CloneMount(AT_FDCWD, "/dev/mqueue", /*recursive=*/false);
  }
  if (mount.type == "proc" && !plan.IsNew(CLONE_NEWPID))
    return os::CloneMount(AT_FDCWD, "/proc", /*recursive=*/true);
  return tree;
}

// A mode and owner that were asked for are stronger than those of the directory that was copied.
void KeepAsked(const PlannedMount& mount, int tree, const struct stat& asked) {
  for (const MountOptions::Data& data : mount.options.data) {
    if (data.key == "uid") (void)!fchownat(tree, ".", asked.st_uid, static_cast<gid_t>(-1), 0);
    if (data.key == "gid") (void)!fchownat(tree, ".", static_cast<uid_t>(-1), asked.st_gid, 0);
    if (data.key == "mode") (void)fchmodat(tree, ".", asked.st_mode & 07777, 0);
  }
}

void MountFileSystem(const ChildContext& context, const PlannedMount& mount, RootView& view) {
  char message[160];
  const int tree = MakeNew(context, mount, message, sizeof(message));
  if (tree < 0) FailMount(context, mount, -tree, message);
  if (mount.options.copy_up) {
    const int below = mount.target.Open(view.root, O_RDONLY | O_DIRECTORY, RootedPath::Links::kFollowInRoot);
    if (below >= 0) {
      struct stat asked;
      const bool known = fstat(tree, &asked) == 0;
      if (const int result = CopyUp(below, tree); result < 0) FailMount(context, mount, -result, "tmpcopyup");
      if (known) KeepAsked(mount, tree, asked);
      close(below);
    }
  }
  Attach(context, mount, view, tree);
  Propagate(context, mount, tree);
  // Kept open where a later step works on the very mount; the rest costs a close less, too: they are
  // close-on-exec.
  const std::string& destination = mount.destination;
  if (destination == "/proc") view.proc = tree;
  if (destination == "/sys") view.sys = tree;
  if (destination == "/dev/pts" && mount.type == "devpts") view.pts = tree;
  if (destination == "/dev") {
    view.dev = tree;
    view.dev_is_fresh = mount.type == "tmpfs" && !mount.options.copy_up;
  }
}

// On v1 and hybrid hosts /sys/fs/cgroup is a directory of hierarchies.
void MountCgroupHierarchies(const ChildContext& context, const PlannedMount& mount, const RootView& view) {
  const os::FsOption options[] = {{"mode", "755"}, {"size", "64k"}};
  char message[160];
  const int top = os::MakeFileSystem(
      "tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, message, sizeof(message));
  if (top < 0) FailMount(context, mount, -top, message);
  Attach(context, mount, view, top);
  for (const CgroupView& hierarchy : context.cgroup_views) {
    const char* name = hierarchy.name.c_str();
    if (mkdirat(top, name, 0755) != 0 && errno != EEXIST) FailMount(context, mount, errno, name);
    const int target = os::OpenResolved(top, name, O_PATH | O_DIRECTORY, 0);
    const int result = target < 0 ? target : os::AttachMount(hierarchy.tree, target, "");
    if (result < 0) FailMount(context, mount, -result, name);
    close(target);
    // "cpu,cpuacct": each controller is also known by its own name.
    for (const char* rest = name; strchr(name, ',') != nullptr && rest != nullptr;) {
      const char* comma = strchr(rest, ',');
      char alias[64];
      snprintf(alias, sizeof(alias), "%.*s", static_cast<int>(comma == nullptr ? strlen(rest) : comma - rest),
               rest);
      (void)symlinkat(name, top, alias);  // a convenience
      rest = comma == nullptr ? nullptr : comma + 1;
    }
  }
  if (((mount.options.set | mount.options.recursive_set) & MOUNT_ATTR_RDONLY) != 0) {
    const int result = os::SetMountAttributes(top, {.set = MOUNT_ATTR_RDONLY}, /*recursive=*/false);
    if (result < 0) FailMount(context, mount, -result);
  }
  close(top);
}

void MountCgroup(const ChildContext& context, const PlannedMount& mount, const RootView& view) {
  if (context.cgroup_views.empty()) FailMount(context, mount, ENOENT, "no cgroup to show");
  if (!context.cgroup_views[0].name.empty()) return MountCgroupHierarchies(context, mount, view);
  Attach(context, mount, view, context.cgroup_views[0].tree);
}

void Remount(const ChildContext& context, const PlannedMount& mount, const RootView& view) {
  const int target = mount.target.Open(view.root, O_PATH, RootedPath::Links::kFollowInRoot);
  if (target < 0) FailMount(context, mount, -target);
  const int result = os::SetMountAttributes(target, {.set = mount.options.set, .clear = mount.options.clear},
                                            /*recursive=*/false);
  if (result < 0) FailMount(context, mount, -result, "remount");
  close(target);
}

void MountBind(const ChildContext& context, const PlannedMount& mount, RootView& view, int tree) {
  Attach(context, mount, view, tree);
  if (mount.destination == "/proc") view.proc = tree;
  if (mount.destination == "/sys") view.sys = tree;
  if (mount.destination == "/dev") view.dev = -1;
}

}  // namespace

void AttachRoot(const ChildContext& context, RootView& view) {
  const LaunchPlan& plan = *context.plan;
  if (const int result = os::SetPropagation("/", plan.propagation); result < 0) {
    Fail(context.channel, SetupStep::kPropagation, -result);
  }
  if (plan.propagation == MS_SHARED) {
    // Only what is bound from the host stays shared. The mount that carries our root must not be, or the root
    // would show up on the host; pivot_root(2) asks for it as well.
    if (const int result = os::SetPropagation("/", MS_PRIVATE); result < 0) {
      Fail(context.channel, SetupStep::kPropagation, -result);
    }
  }
  // On top of "/": it needs no directory on the host, and is the root of this namespace in a moment.
  if (const int result = os::AttachMount(context.root_tree, AT_FDCWD, "/"); result < 0) {
    Fail(context.channel, SetupStep::kRoot, -result);
  }
  view.root = context.root_tree;
}

void MakeMounts(const ChildContext& context, RootView& view) {
  const std::vector<PlannedMount>& mounts = context.plan->mounts;
  for (size_t i = 0; i < mounts.size(); ++i) {
    switch (mounts[i].kind) {
      case PlannedMount::Kind::kBind:
        MountBind(context, mounts[i], view, context.trees[i]);
        break;
      case PlannedMount::Kind::kFileSystem:
        MountFileSystem(context, mounts[i], view);
        break;
      case PlannedMount::Kind::kCgroup:
        MountCgroup(context, mounts[i], view);
        break;
      case PlannedMount::Kind::kRemount:
        Remount(context, mounts[i], view);
        break;
    }
  }
}

}  // namespace coracle::runtime
