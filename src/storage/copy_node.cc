#include "storage/copy_node.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"
#include "storage/copy_xattrs.h"

namespace coracle::storage {
namespace {

constexpr CopyXattrsOptions kAllXattrs = {true, true};

absl::Status CopyData(int source, int target, off_t size) {
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

absl::Status CopyFile(int from, int to, const std::string& name, struct stat info) {
  // Not blocking: a fifo may have taken its place where a container still writes.
  ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (!S_ISREG(info.st_mode)) return absl::AbortedError("the file was replaced while it was copied");
  ASSIGN_OR_RETURN(const os::UniqueFd target,
                   os::OpenAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (ioctl(target.get(), FICLONE, source.get()) != 0) {
    RETURN_IF_ERROR(CopyData(source.get(), target.get(), info.st_size));
  }
  return CopyMetadata(source.get(), target.get(), info);
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
  RETURN_IF_ERROR(CopyXattrs({-1, absl::StrCat("/proc/self/fd/", from, "/", name)},
                             {-1, absl::StrCat("/proc/self/fd/", to, "/", name)}, kAllXattrs));
  const struct timespec times[2] = {info.st_atim, info.st_mtim};
  if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return ErrnoStatus(errno, "set the times");
  return absl::OkStatus();
}

}  // namespace

absl::Status NodeCopier::CopyNode(int from, int to, const std::string& name, const std::string& path,
                                  const struct stat& info) {
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

// Owner, then mode (chown clears setuid), attributes, times.
absl::Status CopyMetadata(int from, int to, const struct stat& info) {
  if (fchown(to, info.st_uid, info.st_gid) != 0 && errno != EPERM) return ErrnoStatus(errno, "set the owner");
  if (fchmod(to, info.st_mode & 07777) != 0) return ErrnoStatus(errno, "set the mode");
  RETURN_IF_ERROR(CopyXattrs({from, ""}, {to, ""}, kAllXattrs));
  const struct timespec times[2] = {info.st_atim, info.st_mtim};
  if (futimens(to, times) != 0) return ErrnoStatus(errno, "set the times");
  return absl::OkStatus();
}

}  // namespace coracle::storage
