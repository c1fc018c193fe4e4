#include "archive/whiteout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::archive {

absl::Status OverlayMarks::MakeWhiteout(int parent_fd, const std::string& name) const {
  if (mknodat(parent_fd, name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return absl::OkStatus();
  if (errno != EPERM && errno != EOPNOTSUPP && errno != EINVAL) {
    return ErrnoStatus(errno, absl::StrCat("make whiteout ", name));
  }
  return MakeXattrWhiteout(parent_fd, name);
}

absl::Status OverlayMarks::MakeXattrWhiteout(int parent_fd, const std::string& name) const {
  ASSIGN_OR_RETURN(os::UniqueFd file,
                   os::OpenAt(parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0), "make whiteout");
  if (fsetxattr(file.get(), (prefix_ + "whiteout").c_str(), "y", 1, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("mark whiteout ", name));
  }
  ASSIGN_OR_RETURN(os::UniqueFd dir, os::OpenAt(parent_fd, ".", O_RDONLY | O_DIRECTORY));
  const std::string opaque = prefix_ + "opaque";
  // Not over "y": an opaque directory needs no whiteouts.
  if (fgetxattr(dir.get(), opaque.c_str(), nullptr, 0) >= 0) return absl::OkStatus();
  if (fsetxattr(dir.get(), opaque.c_str(), "x", 1, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("mark the directory of whiteout ", name));
  }
  return absl::OkStatus();
}

absl::Status OverlayMarks::MarkOpaque(int dir_fd) const {
  ASSIGN_OR_RETURN(os::UniqueFd dir, os::OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  if (fsetxattr(dir.get(), (prefix_ + "opaque").c_str(), "y", 1, 0) != 0) {
    return ErrnoStatus(errno, "mark directory as opaque");
  }
  return absl::OkStatus();
}

bool OverlayMarks::IsWhiteout(int parent_fd, const std::string& name) const {
  struct stat info;
  if (fstatat(parent_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (S_ISCHR(info.st_mode)) return info.st_rdev == makedev(0, 0);
  if (!S_ISREG(info.st_mode) || info.st_size != 0) return false;
  // By path, since in a tree that lives a fifo may have taken the file's place before it could be opened.
  const std::string path = absl::StrCat("/proc/self/fd/", parent_fd, "/", name);
  return lgetxattr(path.c_str(), (prefix_ + "whiteout").c_str(), nullptr, 0) >= 0;
}

bool OverlayMarks::IsOpaque(int dir_fd) const {
  char value = '\0';
  return fgetxattr(dir_fd, (prefix_ + "opaque").c_str(), &value, 1) == 1 && value == 'y';
}

bool IsOverlayXattr(absl::string_view name) {
  return absl::StartsWith(name, "trusted.overlay.") || absl::StartsWith(name, "user.overlay.");
}

}  // namespace coracle::archive
