#include "archive/unpack_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "archive/whiteout.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::archive {
namespace {

int SetOneXattr(const NewNode& node, const std::string& name, const std::string& value) {
  if (node.fd >= 0) return fsetxattr(node.fd, name.c_str(), value.data(), value.size(), 0);
  // A symlink, device or fifo cannot be opened to set one, and setxattrat(2) is as young as Linux 6.13.
  const std::string path = absl::StrCat("/proc/self/fd/", node.parent_fd, "/", node.name);
  return lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0);
}

// Overlay's own marks are not the archive's to set. A SELinux label belongs to the host's policy.
bool IsOurs(absl::string_view name) { return IsOverlayXattr(name) || name == "security.selinux"; }

}  // namespace

NewFileDefaults NewFileDefaults::Of(int root_fd) {
  NewFileDefaults defaults;
  struct stat info;
  if (fstat(root_fd, &info) != 0 || info.st_gid != getegid() || (info.st_mode & S_ISGID) != 0)
    return defaults;
  if (fgetxattr(root_fd, "system.posix_acl_default", nullptr, 0) >= 0) return defaults;
  if (errno != ENODATA && errno != EOPNOTSUPP) return defaults;
  // umask(2) can't be asked without being changed, for all threads.
  const auto status = os::ReadFileAt(AT_FDCWD, "/proc/self/status", 64 << 10);
  if (!status.ok()) return defaults;
  const size_t line = status->find("\nUmask:\t");
  if (line == std::string::npos) return defaults;
  defaults.umask_ = static_cast<mode_t>(strtoul(status->c_str() + line + 8, nullptr, 8));
  defaults.uid_ = geteuid();
  defaults.gid_ = getegid();
  defaults.known_ = true;
  return defaults;
}

absl::Status SetOwner(const NewNode& node, const TarEntry& entry, const UnpackOptions& options,
                      UnpackResult& result) {
  const auto [uid, gid] = options.owner.value_or(std::make_pair(entry.uid, entry.gid));
  const int failed = node.fd >= 0 ? fchown(node.fd, uid, gid)
                                  : fchownat(node.parent_fd, node.name, uid, gid, AT_SYMLINK_NOFOLLOW);
  if (failed == 0) return absl::OkStatus();
  const int error = errno;
  if (options.squash_ids && (error == EPERM || error == EINVAL)) {
    ++result.ignored_owners;
    return absl::OkStatus();
  }
  absl::Status status = ErrnoStatus(error, absl::StrCat("set owner ", uid, ":", gid));
  if (error == EINVAL) {
    status = WithHint(std::move(status),
                      "the user namespace does not map this owner; add ranges to /etc/subuid and "
                      "/etc/subgid");
  }
  return status;
}

absl::Status SetXattrs(const NewNode& node, const TarEntry& entry, UnpackResult& result) {
  for (const auto& [name, value] : entry.xattrs) {
    if (IsOurs(name)) {
      ++result.skipped_xattrs;
      continue;
    }
    if (SetOneXattr(node, name, value) == 0) continue;
    // EPERM: trusted.* in a user namespace, user.* on a link.
    if (errno != EPERM && errno != EOPNOTSUPP) {
      return ErrnoStatus(errno, absl::StrCat("set extended attribute ", name));
    }
    ++result.skipped_xattrs;
  }
  return absl::OkStatus();
}

absl::Status SetMode(const NewNode& node, mode_t mode) {
  const int failed = node.fd >= 0 ? fchmod(node.fd, mode) : fchmodat(node.parent_fd, node.name, mode, 0);
  if (failed != 0) return ErrnoStatus(errno, "set mode");
  return absl::OkStatus();
}

absl::Status SetTimes(const NewNode& node, const TarEntry& entry) {
  const timespec times[2] = {entry.atime.value_or(entry.mtime), entry.mtime};
  const int failed = node.fd >= 0 ? futimens(node.fd, times)
                                  : utimensat(node.parent_fd, node.name, times, AT_SYMLINK_NOFOLLOW);
  if (failed != 0) return ErrnoStatus(errno, "set times");
  return absl::OkStatus();
}

}  // namespace coracle::archive
