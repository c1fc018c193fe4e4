#include "runtime/launch_prepare.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mount.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/overlay_mount.h"
#include "os/user_namespace.h"

namespace coracle::runtime {
namespace {

using os::MountAttributes;
using os::UniqueFd;

constexpr char kCgroupTop[] = "/sys/fs/cgroup/";

int ApplyOnce(int tree, MountAttributes attributes, bool recursive) {
  if (attributes.set == 0 && attributes.clear == 0 && attributes.propagation == 0) return 0;
  const int result = os::SetMountAttributes(tree, attributes, recursive);
  if (result != -EPERM || attributes.clear == 0) return result;
  // In a user namespace, what the host locked stays locked: "exec" on a noexec mount asks for nothing that
  // must be.
  attributes.clear &= (attributes.set & MOUNT_ATTR__ATIME) != 0 ? MOUNT_ATTR__ATIME : 0;
  return os::SetMountAttributes(tree, attributes, recursive);
}

// The flags and the propagation of a bind, in one or two calls.
int ApplyBindOptions(int tree, const MountOptions& options) {
  MountAttributes own{.set = options.set, .clear = options.clear};
  // "rw" on a read-only source does not force it open; it only overrides an "ro" before it.
  own.clear &= ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY);
  MountAttributes all{.set = options.recursive_set, .clear = options.recursive_clear};
  // What the host mounts there later shows up, what the container mounts stays inside; as runc, which clones
  // from a slave of the host's mounts.
  all.propagation = MS_SLAVE;
  for (const unsigned long flags : options.propagation) {
    if ((flags & MS_REC) != 0) all.propagation = flags & ~static_cast<unsigned long>(MS_REC);
  }
  if (!options.recursive_bind) {
    all.set |= own.set;
    all.clear |= own.clear;
    own = {};
  }
  int result = ApplyOnce(tree, all, options.recursive_bind);
  if (result < 0) return result;
  for (const unsigned long flags : options.propagation) {
    if ((flags & MS_REC) == 0) own.propagation = flags;
  }
  return ApplyOnce(tree, own, /*recursive=*/false);
}

absl::Status ApplyIdmap(int tree, const PlannedMount& mount) {
  if (mount.options.idmap == IdmapMode::kNone) return absl::OkStatus();
  ASSIGN_OR_RETURN(const UniqueFd userns, os::MakeUserNamespace(mount.uid_map, mount.gid_map));
  const int result = os::SetMountAttributes(tree, {.set = MOUNT_ATTR_IDMAP, .userns = userns.get()},
                                            mount.options.idmap == IdmapMode::kRecursive);
  if (result < 0) return ErrnoStatus(-result, "map ids (the file system may not support it)");
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> CloneBind(const PlannedMount& mount, const CreateRequest& request) {
  const std::string source =
      absl::StartsWith(mount.source, "/") ? mount.source : absl::StrCat(request.bundle, "/", mount.source);
  const auto ready = request.trees.find(mount.destination);
  const int fd = ready != request.trees.end()
                     ? fcntl(ready->second, F_DUPFD_CLOEXEC, 3)
                     : os::CloneMount(AT_FDCWD, source.c_str(), mount.options.recursive_bind);
  if (fd < 0) {
    return ErrnoStatus(ready != request.trees.end() ? errno : -fd, absl::StrCat("bind ", source));
  }
  UniqueFd tree(fd);
  RETURN_IF_ERROR(ApplyIdmap(tree.get(), mount));
  const int result = ApplyBindOptions(tree.get(), mount.options);
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("set options of the mount of ", source));
  return tree;
}

absl::Status AddCgroupView(const std::string& path, std::string name, uint64_t attributes,
                           Prepared& prepared) {
  UniqueFd tree(os::CloneMount(AT_FDCWD, path.c_str(), name.empty()));
  if (tree.get() < 0) return ErrnoStatus(-tree.Release(), absl::StrCat("bind ", path));
  const int result =
      os::SetMountAttributes(tree.get(), {.set = attributes, .propagation = MS_PRIVATE}, name.empty());
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("set options of the mount of ", path));
  prepared.cgroup_views.emplace_back(std::move(name), std::move(tree));
  return absl::OkStatus();
}

// A bind of the container's own directory in each hierarchy shows the same as a mount inside its cgroup
// namespace.
absl::Status PrepareCgroupViews(const CreateRequest& request, const PlannedMount& mount, Prepared& prepared) {
  const uint64_t attributes = mount.options.set | mount.options.recursive_set;
  if (request.cgroup == nullptr || request.cgroup->paths().empty()) {
    return AddCgroupView("/sys/fs/cgroup", "", attributes, prepared);
  }
  const std::vector<std::string>& paths = request.cgroup->paths();
  if (paths.size() == 1 && request.cgroup->entry().v1_tasks.empty()) {
    return AddCgroupView(paths[0], "", attributes, prepared);
  }
  for (const std::string& path : paths) {
    absl::string_view name = path;
    if (!absl::ConsumePrefix(&name, kCgroupTop)) continue;
    name = name.substr(0, name.find('/'));
    RETURN_IF_ERROR(AddCgroupView(path, std::string(name), attributes, prepared));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenRoot(const CreateRequest& request, const LaunchPlan& plan) {
  if (request.root_overlay.has_value()) return os::MakeOverlay(*request.root_overlay);
  if (plan.root_path.empty()) return absl::InvalidArgumentError("root.path: missing");
  const int fd = os::CloneMount(AT_FDCWD, plan.root_path.c_str(), /*recursive=*/true);
  if (fd < 0) return ErrnoStatus(-fd, absl::StrCat("open root ", plan.root_path));
  UniqueFd root(fd);
  const bool shared = (plan.root_propagation & MS_SHARED) != 0;
  const int result = os::SetMountAttributes(
      root.get(), {.propagation = static_cast<uint64_t>(shared ? MS_PRIVATE : MS_SLAVE)},
      /*recursive=*/!shared);
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("set propagation of ", plan.root_path));
  return root;
}

}  // namespace

void Prepared::Describe(ChildContext& context) const {
  context.root_tree = root.get();
  for (const UniqueFd& tree : trees) context.trees.push_back(tree.get());
  for (const auto& [name, tree] : cgroup_views)
    context.cgroup_views.push_back({.name = name, .tree = tree.get()});
  for (const UniqueFd& fd : join) context.join.push_back(fd.get());
}

absl::StatusOr<Prepared> PrepareLaunch(const CreateRequest& request, const LaunchPlan& plan) {
  Prepared prepared;
  RETURN_IF_ERROR(CheckPreservedFds(request.preserve_fds));
  for (const JoinedNamespace& joined : plan.joined) {
    ASSIGN_OR_RETURN(UniqueFd fd, os::OpenAt(AT_FDCWD, joined.path, O_RDONLY), "join ", joined.name,
                     " namespace");
    prepared.join.push_back(std::move(fd));
  }
  if (!plan.new_mounts) return prepared;
  ASSIGN_OR_RETURN(prepared.root, OpenRoot(request, plan));
  for (const PlannedMount& mount : plan.mounts) {
    UniqueFd tree;
    if (mount.kind == PlannedMount::Kind::kBind) {
      ASSIGN_OR_RETURN(tree, CloneBind(mount, request), "mount ", mount.destination);
    } else if (mount.kind == PlannedMount::Kind::kCgroup && prepared.cgroup_views.empty()) {
      RETURN_IF_ERROR(PrepareCgroupViews(request, mount, prepared), "mount ", mount.destination);
    }
    prepared.trees.push_back(std::move(tree));
  }
  return prepared;
}

absl::Status CheckPreservedFds(int count) {
  for (int fd = 3; fd < 3 + count; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) return ErrnoStatus(errno, absl::StrCat("preserve file descriptor ", fd));
  }
  return absl::OkStatus();
}

}  // namespace coracle::runtime
