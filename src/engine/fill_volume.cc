#include "engine/fill_volume.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "os/file.h"
#include "os/rooted_path.h"
#include "storage/copy_tree.h"

namespace coracle::engine {
namespace {

constexpr int kMaxDepth = 2048;

absl::StatusOr<bool> IsEmpty(int fd) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(fd, "."));
  // What mkfs makes is no content.
  return names.empty() || (names.size() == 1 && names[0] == "lost+found");
}

// The image's directory at the destination; invalid if there is none.
absl::StatusOr<os::UniqueFd> OpenSource(int image_root, const std::string& destination) {
  ASSIGN_OR_RETURN(const os::RootedPath path, os::RootedPath::Parse(destination));
  const int fd = path.Open(image_root, O_RDONLY | O_DIRECTORY, os::RootedPath::Links::kFollowInRoot);
  if (fd >= 0) return os::UniqueFd(fd);
  if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) return os::UniqueFd();
  return ErrnoStatus(-fd, absl::StrCat("open ", destination, " of the image"));
}

absl::Status CopyIn(int source, const std::string& data, bool& any) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(source, "."));
  any = !names.empty();
  return storage::CopyLayer(absl::StrCat("/proc/self/fd/", source), data, /*user_xattr=*/false);
}

absl::Status FillNow(const std::string& data, const std::string& destination,
                     const storage::PreparedRoot& root, const oci::User& user, bool durable) {
  ASSIGN_OR_RETURN(const os::UniqueFd image, OpenImageRoot(root));
  ASSIGN_OR_RETURN(const os::UniqueFd source, OpenSource(image.get(), destination));
  ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(AT_FDCWD, data, O_RDONLY | O_DIRECTORY));
  if (!source.valid()) {
    // A user namespace of one id can't; the directory is the user's own then.
    if (fchown(target.get(), user.uid, user.gid) != 0 && errno != EPERM && errno != EINVAL) {
      return ErrnoStatus(errno, "set the owner");
    }
    return absl::OkStatus();
  }
  bool any = false;
  RETURN_IF_ERROR(CopyIn(source.get(), data, any));
  FaultPoint("engine.fill.copied");
  // From now on nobody copies it again.
  if (any && durable && syncfs(target.get()) != 0) return ErrnoStatus(errno, "sync");
  return absl::OkStatus();
}

absl::Status ChownBelow(int dir, uid_t uid, gid_t gid, dev_t device, int depth) {
  if (depth > kMaxDepth) return absl::InvalidArgumentError("the tree is too deep");
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(dir, "."));
  for (const std::string& name : names) {
    struct stat info;
    if (fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed meanwhile
      return ErrnoStatus(errno, absl::StrCat("stat ", name));
    }
    if (info.st_dev != device) continue;
    if ((info.st_uid != uid || info.st_gid != gid) &&
        fchownat(dir, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, absl::StrCat("set the owner of ", name));
    }
    if (!S_ISDIR(info.st_mode)) continue;
    ASSIGN_OR_RETURN(const os::UniqueFd child, os::OpenAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(ChownBelow(child.get(), uid, gid, device, depth + 1), name);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<os::UniqueFd> OpenImageRoot(const storage::PreparedRoot& root) {
  if (!root.overlay.has_value()) return os::OpenAt(AT_FDCWD, root.path, O_RDONLY | O_DIRECTORY);
  os::OverlayOptions lower = *root.overlay;
  lower.upper.clear();
  lower.work.clear();
  ASSIGN_OR_RETURN(const os::UniqueFd tree, os::MakeOverlay(lower));
  return os::OpenAt(tree.get(), ".", O_RDONLY | O_DIRECTORY);
}

absl::Status FillVolume(const store::Store& store, const std::string& volume, const std::string& data,
                        const std::string& destination, const storage::PreparedRoot& root,
                        const oci::User& user) {
  {
    ASSIGN_OR_RETURN(const store::VolumeRecord record, store::ReadVolume(store, volume));
    if (!record.needs_fill()) return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const store::VolumeLock lock, store::VolumeLock::Acquire(store, volume));
  ASSIGN_OR_RETURN(store::VolumeRecord record, store::ReadVolume(store, volume));
  if (!record.needs_fill()) return absl::OkStatus();  // another container was first
  // What goes with its container may be lost with the machine.
  const bool durable = record.owner_container_id().empty();
  const os::Durability durability = durable ? os::Durability::kDurable : os::Durability::kVolatile;
  bool empty = record.filling();
  if (!empty) {
    ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(AT_FDCWD, data, O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(empty, IsEmpty(target.get()));
  }
  if (empty) {
    record.set_filling(true);
    RETURN_IF_ERROR(store::UpdateVolume(store, record, os::Durability::kVolatile));
    FaultPoint("engine.fill.begun");
    RETURN_IF_ERROR(FillNow(data, destination, root, user, durable));
  }
  record.set_needs_fill(false);
  record.set_filling(false);
  return store::UpdateVolume(store, record, durability);
}

absl::Status ChownTree(int root_fd, uid_t uid, gid_t gid) {
  struct stat info;
  if (fstat(root_fd, &info) != 0) return ErrnoStatus(errno, "stat");
  if ((info.st_uid != uid || info.st_gid != gid) && fchownat(root_fd, "", uid, gid, AT_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, "set the owner");
  }
  if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const os::UniqueFd dir, os::OpenAt(root_fd, ".", O_RDONLY | O_DIRECTORY));
  return ChownBelow(dir.get(), uid, gid, info.st_dev, 0);
}

}  // namespace coracle::engine
