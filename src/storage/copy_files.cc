#include "storage/copy_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"
#include "storage/copy_content.h"
#include "storage/copy_xattrs.h"

namespace coracle::storage {
namespace {

constexpr int kMaxDepth = 1024;  // descriptors are held on the way down

class FileCopier {
 public:
  explicit FileCopier(const CopyFilesOptions& options) : options_(options) {}

  absl::Status Copy(int node, int to, const std::string& name, int depth) {
    struct stat info;
    if (fstat(node, &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", name));
    if (S_ISDIR(info.st_mode)) return CopyDirectory(node, info, to, name, depth);
    if (S_ISSOCK(info.st_mode)) return absl::OkStatus();
    RETURN_IF_ERROR(ClearForFile(to, name));
    if (S_ISREG(info.st_mode)) return CopyRegular(node, info, to, name);
    return CopySpecial(node, info, to, name);
  }

  absl::Status CopyContents(int from, int to, int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError("the tree is too deep");
    ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(from, "."));
    for (const std::string& name : names) {
      const auto node = os::OpenAt(from, name, O_PATH | O_NOFOLLOW);
      if (ErrnoOf(node.status()) == ENOENT) continue;  // removed since the directory was read
      RETURN_IF_ERROR(node.status());
      RETURN_IF_ERROR(Copy(node->get(), to, name, depth), name);
    }
    return absl::OkStatus();
  }

  // So that a tree that is copied into itself has an end.
  void Skip(int directory) {
    struct stat info;
    if (fstat(directory, &info) == 0) skipped_ = {info.st_dev, info.st_ino};
  }

 private:
  static absl::Status Conflict(absl::string_view name, absl::string_view what, absl::string_view by) {
    return WithHint(
        absl::FailedPreconditionError(absl::StrCat("cannot overwrite ", what, " ", name, " with ", by)),
        "use --overwrite");
  }

  // Makes way for what is no directory. A mount point stays, and is written into.
  absl::Status ClearForFile(int to, const std::string& name) {
    if (unlinkat(to, name.c_str(), 0) == 0 || errno == ENOENT || errno == EBUSY) return absl::OkStatus();
    if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, absl::StrCat("replace ", name));
    if (!options_.overwrite) return Conflict(name, "directory", "non-directory");
    return os::RemoveTreeAt(to, name);
  }

  absl::Status CopyDirectory(int node, const struct stat& info, int to, const std::string& name, int depth) {
    if (skipped_ == std::pair<dev_t, ino_t>(info.st_dev, info.st_ino)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(node, ".", O_RDONLY | O_DIRECTORY));
    const bool made = mkdirat(to, name.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("make directory ", name));
    absl::StatusOr<os::UniqueFd> target = os::OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!target.ok() && !made) {
      if (!options_.overwrite) return Conflict(name, "non-directory", "directory");
      RETURN_IF_ERROR(os::RemoveTreeAt(to, name));
      if (mkdirat(to, name.c_str(), 0700) != 0)
        return ErrnoStatus(errno, absl::StrCat("make directory ", name));
      target = os::OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    }
    RETURN_IF_ERROR(target.status());
    if (depth == 0) Skip(target->get());
    RETURN_IF_ERROR(CopyContents(source.get(), target->get(), depth + 1));
    return SetMetadata(source.get(), target->get(), info);
  }

  absl::Status CopyRegular(int node, const struct stat& info, int to, const std::string& name) {
    // Not by its name again: a device could have taken its place, and opening that can do harm.
    ASSIGN_OR_RETURN(const os::UniqueFd source,
                     os::OpenAt(AT_FDCWD, absl::StrCat("/proc/self/fd/", node), O_RDONLY | O_NONBLOCK));
    os::UniqueFd target(openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    const bool in_place = !target.valid() && errno == EEXIST;
    if (in_place) {
      target.Reset(openat(to, name.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    }
    if (!target.valid()) return ErrnoStatus(errno, absl::StrCat("create ", name));
    RETURN_IF_ERROR(CopyContent(source.get(), target.get()), name);
    // What is mounted there keeps its owner and mode.
    return in_place ? absl::OkStatus() : SetMetadata(source.get(), target.get(), info);
  }

  absl::Status CopySpecial(int node, const struct stat& info, int to, const std::string& name) {
    if (S_ISLNK(info.st_mode)) {
      ASSIGN_OR_RETURN(const std::string target, os::ReadLinkAt(node, ""));
      if (symlinkat(target.c_str(), to, name.c_str()) != 0) {
        return ErrnoStatus(errno, absl::StrCat("make link ", name));
      }
    } else if (mknodat(to, name.c_str(), info.st_mode, info.st_rdev) != 0) {
      return errno == EPERM && !S_ISFIFO(info.st_mode) ? absl::OkStatus()
                                                       : ErrnoStatus(errno, absl::StrCat("make node ", name));
    }
    const CopyOwner owner = OwnerOf(info);
    if (fchownat(to, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0 && !MayIgnore(errno)) {
      return ErrnoStatus(errno, absl::StrCat("set the owner of ", name));
    }
    const timespec times[2] = {info.st_atim, info.st_mtim};
    if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, absl::StrCat("set the times of ", name));
    }
    return absl::OkStatus();
  }

  CopyOwner OwnerOf(const struct stat& info) const {
    return options_.owner.value_or(CopyOwner{info.st_uid, info.st_gid});
  }

  // An owner that a user namespace does not have: the file stays ours.
  static bool MayIgnore(int error) { return error == EPERM || error == EINVAL; }

  absl::Status SetMetadata(int from, int to, const struct stat& info) {
    const CopyOwner owner = OwnerOf(info);
    if (fchown(to, owner.uid, owner.gid) != 0 && !MayIgnore(errno))
      return ErrnoStatus(errno, "set the owner");
    CopyXattrsOptions xattrs;
    xattrs.capabilities = !options_.owner.has_value();
    RETURN_IF_ERROR(CopyXattrs({from, ""}, {to, ""}, xattrs));
    const bool same_owner = owner.uid == info.st_uid && owner.gid == info.st_gid;
    const mode_t mode = info.st_mode & (same_owner || S_ISDIR(info.st_mode) ? 07777 : 01777);
    if (fchmod(to, mode) != 0) return ErrnoStatus(errno, "set the mode");
    const timespec times[2] = {info.st_atim, info.st_mtim};
    if (futimens(to, times) != 0) return ErrnoStatus(errno, "set the times");
    return absl::OkStatus();
  }

  const CopyFilesOptions& options_;
  std::pair<dev_t, ino_t> skipped_ = {0, 0};
};

}  // namespace

absl::Status CopyNode(int node, int to, const std::string& name, const CopyFilesOptions& options) {
  return FileCopier(options).Copy(node, to, name, 0);
}

absl::Status CopyDirectoryContents(int from, int to, const CopyFilesOptions& options) {
  FileCopier copier(options);
  copier.Skip(to);
  return copier.CopyContents(from, to, 1);
}

}  // namespace coracle::storage
