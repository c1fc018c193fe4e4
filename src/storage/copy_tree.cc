#include "storage/copy_tree.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "archive/whiteout.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::storage {
namespace {

// Deeper trees than any path the kernel takes (PATH_MAX / 2) do not come from an archive.
constexpr int kMaxDepth = 2048;

class LayerCopier {
 public:
  LayerCopier(int to_root, bool user_xattr) : to_root_(to_root), marks_(user_xattr) {}

  // `from` and `to` are the directory `path` ("" is the root) of the layer and of the tree.
  absl::Status CopyContents(int from, int to, const std::string& path, int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError(absl::StrCat(path, ": the tree is too deep"));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(from, "."));
    for (const std::string& name : names) {
      const std::string entry = path.empty() ? name : absl::StrCat(path, "/", name);
      RETURN_IF_ERROR(CopyEntry(from, to, name, entry, depth), entry);
    }
    return absl::OkStatus();
  }

  // Owner, then mode (chown clears setuid), attributes, times.
  absl::Status CopyMetadata(int from, int to, const struct stat& info) {
    if (fchown(to, info.st_uid, info.st_gid) != 0 && errno != EPERM)
      return ErrnoStatus(errno, "set the owner");
    if (fchmod(to, info.st_mode & 07777) != 0) return ErrnoStatus(errno, "set the mode");
    RETURN_IF_ERROR(CopyXattrs(from, to));
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    if (futimens(to, times) != 0) return ErrnoStatus(errno, "set the times");
    return absl::OkStatus();
  }

 private:
  absl::Status CopyEntry(int from, int to, const std::string& name, const std::string& path, int depth) {
    struct stat info;
    if (fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return ErrnoStatus(errno, "stat");
    if (S_ISDIR(info.st_mode)) return CopyDirectory(from, to, name, path, info, depth);
    RETURN_IF_ERROR(os::RemoveTreeAt(to, name));
    if (marks_.IsWhiteout(from, name) || S_ISSOCK(info.st_mode)) return absl::OkStatus();
    if (info.st_nlink > 1) {
      const auto [first, is_new] = copied_.try_emplace(std::make_pair(info.st_dev, info.st_ino), path);
      if (!is_new) {
        if (linkat(to_root_, first->second.c_str(), to, name.c_str(), 0) == 0) return absl::OkStatus();
        return ErrnoStatus(errno, "link");
      }
    }
    if (S_ISREG(info.st_mode)) return CopyFile(from, to, name, info);
    return CopySpecial(from, to, name, info);
  }

  absl::Status CopyDirectory(int from, int to, const std::string& name, const std::string& path,
                             const struct stat& info, int depth) {
    ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat there;
    const bool exists = fstatat(to, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && (!S_ISDIR(there.st_mode) || marks_.IsOpaque(source.get()))) {
      RETURN_IF_ERROR(os::RemoveTreeAt(to, name));
    }
    RETURN_IF_ERROR(os::MakeDirectoryAt(to, name, 0700));
    ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(CopyContents(source.get(), target.get(), path, depth + 1));
    return CopyMetadata(source.get(), target.get(), info);
  }

  absl::Status CopyFile(int from, int to, const std::string& name, const struct stat& info) {
    ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(from, name, O_RDONLY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(const os::UniqueFd target,
                     os::OpenAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    if (ioctl(target.get(), FICLONE, source.get()) != 0) {
      RETURN_IF_ERROR(CopyData(source.get(), target.get(), info.st_size));
    }
    return CopyMetadata(source.get(), target.get(), info);
  }

  static absl::Status CopyData(int source, int target, off_t size) {
    if (ftruncate(target, size) != 0) return ErrnoStatus(errno, "set the size");
    off_t data = 0;
    while (data < size) {
      data = lseek(source, data, SEEK_DATA);
      if (data < 0) return errno == ENXIO ? absl::OkStatus() : ErrnoStatus(errno, "find data");
      const off_t hole = lseek(source, data, SEEK_HOLE);
      if (hole < 0) return ErrnoStatus(errno, "find a hole");
      off_t in = data;
      off_t out = data;
      while (in < hole) {
        const ssize_t count = copy_file_range(source, &in, target, &out, static_cast<size_t>(hole - in), 0);
        if (count < 0) return ErrnoStatus(errno, "copy");
        if (count == 0) break;  // it shrank
      }
      data = hole;
    }
    return absl::OkStatus();
  }

  absl::Status CopySpecial(int from, int to, const std::string& name, const struct stat& info) {
    if (S_ISLNK(info.st_mode)) {
      ASSIGN_OR_RETURN(const std::string target, os::ReadLinkAt(from, name));
      if (symlinkat(target.c_str(), to, name.c_str()) != 0) return ErrnoStatus(errno, "make link");
    } else if (mknodat(to, name.c_str(), info.st_mode, info.st_rdev) != 0) {
      // A user namespace makes no devices; the runtime's own /dev hides them anyway.
      return errno == EPERM && !S_ISFIFO(info.st_mode) ? absl::OkStatus() : ErrnoStatus(errno, "make node");
    }
    if (fchownat(to, name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0 && errno != EPERM) {
      return ErrnoStatus(errno, "set the owner");
    }
    if (!S_ISLNK(info.st_mode) && fchmodat(to, name.c_str(), info.st_mode & 07777, 0) != 0) {
      return ErrnoStatus(errno, "set the mode");
    }
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return ErrnoStatus(errno, "set the times");
    return absl::OkStatus();
  }

  static absl::Status CopyXattrs(int from, int to) {
    char names[64 << 10];
    const ssize_t length = flistxattr(from, names, sizeof(names));
    if (length <= 0)
      return length == 0 || errno == EOPNOTSUPP ? absl::OkStatus() : ErrnoStatus(errno, "list xattrs");
    std::string value(64 << 10, '\0');
    for (const char* name = names; name < names + length; name += strlen(name) + 1) {
      if (archive::IsOverlayXattr(name)) continue;
      const ssize_t size = fgetxattr(from, name, value.data(), value.size());
      if (size < 0) continue;
      if (fsetxattr(to, name, value.data(), static_cast<size_t>(size), 0) != 0 && errno != EPERM &&
          errno != EOPNOTSUPP) {
        return ErrnoStatus(errno, absl::StrCat("set ", name));
      }
    }
    return absl::OkStatus();
  }

  int to_root_;
  archive::OverlayMarks marks_;
  absl::flat_hash_map<std::pair<dev_t, ino_t>, std::string> copied_;
};

}  // namespace

absl::Status CopyLayer(const std::string& from, const std::string& to, bool user_xattr) {
  ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(AT_FDCWD, from, O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, to, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(AT_FDCWD, to, O_RDONLY | O_DIRECTORY));
  struct stat info;
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", from));
  LayerCopier copier(target.get(), user_xattr);
  RETURN_IF_ERROR(copier.CopyContents(source.get(), target.get(), "", 0), from);
  return copier.CopyMetadata(source.get(), target.get(), info);
}

}  // namespace coracle::storage
