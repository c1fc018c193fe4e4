#include "engine/container_tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/identity.h"
#include "engine/mount_plan.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/overlay_mount.h"
#include "os/process_identity.h"
#include "os/rooted_path.h"
#include "storage/container_root.h"

namespace coracle::engine {
namespace {

// Once for this process: what it mounts from now on is seen by nobody else.
absl::Status EnterPrivateMounts() {
  static bool entered = false;
  if (entered) return absl::OkStatus();
  if (unshare(CLONE_NEWNS) != 0) return ErrnoStatus(errno, "make a mount namespace");
  const int result = os::SetPropagation("/", MS_PRIVATE | MS_REC);
  if (result < 0) return ErrnoStatus(-result, "make mounts private");
  entered = true;
  return absl::OkStatus();
}

absl::StatusOr<os::UniqueFd> TreeOf(const oci::Mount& mount, const MountPlan& plan) {
  for (const auto& [destination, make] : plan.trees) {
    if (destination == mount.destination) return make();
  }
  os::UniqueFd tree(os::CloneMount(AT_FDCWD, mount.source.c_str(), /*recursive=*/true));
  if (tree.get() >= 0) return tree;
  return ErrnoStatus(-tree.Release(), absl::StrCat("bind ", mount.source));
}

absl::Status MountIn(int root, const oci::Mount& mount, const MountPlan& plan) {
  ASSIGN_OR_RETURN(const os::UniqueFd tree, TreeOf(mount, plan));
  const bool read_only = std::any_of(mount.options.begin(), mount.options.end(),
                                     [](const std::string& o) { return o == "ro" || o == "rro"; });
  os::MountAttributes attributes{.set = MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};
  if (read_only) attributes.set |= MOUNT_ATTR_RDONLY;
  if (const int result = os::SetMountAttributes(tree.get(), attributes, /*recursive=*/true); result < 0) {
    return ErrnoStatus(-result, "set options");
  }
  struct stat info;
  if (fstat(tree.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  ASSIGN_OR_RETURN(const os::RootedPath path, os::RootedPath::Parse(mount.destination));
  const os::UniqueFd target(path.OpenOrCreate(
      root, S_ISDIR(info.st_mode) ? os::RootedPath::Kind::kDirectory : os::RootedPath::Kind::kFile));
  if (target.get() < 0) return ErrnoStatus(-target.get(), "make the mount point");
  const int result = os::AttachMount(tree.get(), target.get(), "");
  return result < 0 ? ErrnoStatus(-result, "attach") : absl::OkStatus();
}

}  // namespace

absl::Status ContainerTree::Running(const ContainerView& view) {
  ASSIGN_OR_RETURN(process_, os::OpenProcess(view.state.pid(), view.state.pid_start_time()));
  const std::string path = absl::StrCat("/proc/", view.state.pid(), "/root");
  ASSIGN_OR_RETURN(root_, os::OpenAt(AT_FDCWD, path, O_PATH | O_DIRECTORY), "container ", view.record.name());
  ASSIGN_OR_RETURN(const Identity identity, ResolveIdentity(view.record.config(), RootFiles({path})));
  uid_ = identity.user.uid;
  gid_ = identity.user.gid;
  // If it ended meanwhile, the id might be another process's by now.
  if (!os::OpenProcess(view.state.pid(), view.state.pid_start_time()).ok()) {
    return absl::AbortedError(absl::StrCat("container ", view.record.name(), " ended just now"));
  }
  return absl::OkStatus();
}

absl::Status ContainerTree::Assemble(Engine& engine, const store::ContainerRecord& record) {
  RETURN_IF_ERROR(EnterPrivateMounts());
  release_in_ = &engine;
  ASSIGN_OR_RETURN(const storage::PreparedRoot prepared,
                   storage::PrepareRoot(engine.store, record, engine.settings.storage_driver));
  ASSIGN_OR_RETURN(const Identity identity, ResolveIdentity(record.config(), FilesOf(prepared)));
  uid_ = identity.user.uid;
  gid_ = identity.user.gid;
  os::UniqueFd tree;
  if (prepared.overlay.has_value()) {
    ASSIGN_OR_RETURN(tree, os::MakeOverlay(*prepared.overlay));
  } else {
    tree = os::UniqueFd(os::CloneMount(AT_FDCWD, prepared.path.c_str(), /*recursive=*/true));
    if (tree.get() < 0) return ErrnoStatus(-tree.Release(), absl::StrCat("open ", prepared.path));
  }
  ASSIGN_OR_RETURN(const MountPlan plan, PlanMounts(engine, record, prepared, identity.user));
  // Mounts go into what is attached only. The run directory is there, and is not used meanwhile.
  const std::string place = engine.store.ContainerRunDir(record.id());
  if (const int result = os::AttachMount(tree.get(), AT_FDCWD, place.c_str()); result < 0) {
    return ErrnoStatus(-result, absl::StrCat("mount ", place));
  }
  root_ = std::move(tree);
  std::vector<const oci::Mount*> mounts;
  for (const oci::Mount& mount : plan.mounts) {
    // What lives in memory is gone with the last run; what would hide the container's files is not theirs.
    if (mount.type == "bind" && !absl::StartsWith(mount.destination, "/proc/")) mounts.push_back(&mount);
  }
  const auto depth = [](const oci::Mount* m) {
    return std::count(m->destination.begin(), m->destination.end(), '/');
  };
  std::stable_sort(mounts.begin(), mounts.end(),
                   [&](const oci::Mount* a, const oci::Mount* b) { return depth(a) < depth(b); });
  for (const oci::Mount* mount : mounts) {
    RETURN_IF_ERROR(MountIn(root_.get(), *mount, plan), "mount ", mount->destination);
  }
  if (!record.config().read_only()) return absl::OkStatus();
  const int result = os::SetMountAttributes(root_.get(), {.set = MOUNT_ATTR_RDONLY}, /*recursive=*/false);
  return result < 0 ? ErrnoStatus(-result, "make the root read-only") : absl::OkStatus();
}

absl::StatusOr<ContainerTree> ContainerTree::Open(Engine& engine, const ContainerView& view) {
  ContainerTree tree;
  tree.id_ = view.record.id();
  if (IsRunning(view) || view.state.status() == store::INITIALIZED) {
    RETURN_IF_ERROR(tree.Running(view));
    return tree;
  }
  ASSIGN_OR_RETURN(tree.lock_, store::LockContainer(engine.store, tree.id_));
  if (store::MonitorAlive(engine.store, tree.id_)) {
    return WithExitCode(absl::FailedPreconditionError(absl::StrCat("container ", view.record.name(),
                                                                   " is just being started or ending")),
                        125);
  }
  RETURN_IF_ERROR(tree.Assemble(engine, view.record), "container ", view.record.name());
  return tree;
}

ContainerTree::ContainerTree(ContainerTree&& other) noexcept
    : process_(std::move(other.process_)),
      root_(std::move(other.root_)),
      lock_(std::move(other.lock_)),
      release_in_(std::exchange(other.release_in_, nullptr)),
      id_(std::move(other.id_)),
      uid_(other.uid_),
      gid_(other.gid_) {}

ContainerTree::~ContainerTree() {
  if (release_in_ == nullptr) return;
  root_.Reset();
  (void)umount2(release_in_->store.ContainerRunDir(id_).c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  (void)storage::ReleaseRoot(release_in_->store, id_);
}

}  // namespace coracle::engine
