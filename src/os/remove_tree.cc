// Removal of whole trees (file.h). An archive can make trees far deeper than there are descriptors: below
// kMaxOpenLevels a directory is first moved up to the top, so that neither stack nor descriptors run out.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "base/status.h"
#include "os/file.h"
#include "os/mount.h"

namespace coracle::os {
namespace {

constexpr int kMaxOpenLevels = 48;  // two descriptors each

class TreeRemover {
 public:
  // Removes `name` in `dirfd`; the first error, if any, after going on.
  absl::Status Remove(int dirfd, const std::string& name);

 private:
  void RemoveContents(int fd, const std::string& path, int level);
  void RemoveOne(int dirfd, const char* name, const std::string& path, int level);
  void MoveToTop(int dirfd, const char* name, const std::string& path);
  int OpenOnMount(int dirfd, const char* name) const;
  UniqueFd OpenDirectory(int dirfd, const char* name);
  void Fail(int error, const std::string& path) {
    first_.Update(ErrnoStatus(error, absl::StrCat("remove ", path)));
  }

  UniqueFd top_;
  dev_t device_ = 0;
  int moved_ = 0, next_name_ = 0;
  absl::Status first_;
};

// Below the top never what is mounted at `name`, not even from the same file system: EXDEV.
int TreeRemover::OpenOnMount(int dirfd, const char* name) const {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (!top_.valid()) return openat(dirfd, name, kFlags);
  const int fd = OpenResolved(dirfd, name, kFlags, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  if (fd >= 0) return fd;
  if (fd == -ENOSYS) return openat(dirfd, name, kFlags);  // before Linux 5.6
  errno = -fd;
  return -1;
}

UniqueFd TreeRemover::OpenDirectory(int dirfd, const char* name) {
  UniqueFd dir(OpenOnMount(dirfd, name));
  if (!dir.valid() && errno == EACCES) {
    // A directory of ours without permissions: a hostile archive can leave one behind.
    (void)fchmodat(dirfd, name, 0700, 0);
    dir.Reset(OpenOnMount(dirfd, name));
  }
  return dir;
}

absl::Status TreeRemover::Remove(int dirfd, const std::string& name) {
  if (unlinkat(dirfd, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  const int unlink_error = errno;
  struct stat info;
  top_ = unlink_error == EISDIR || unlink_error == EPERM ? OpenDirectory(dirfd, name.c_str()) : UniqueFd();
  if (!top_.valid() || fstat(top_.get(), &info) != 0) {
    Fail(unlink_error == EISDIR ? errno : unlink_error, name);
    return first_;
  }
  device_ = info.st_dev;
  do {
    moved_ = 0;
    RemoveContents(top_.get(), name, 0);
  } while (moved_ > 0);
  if (unlinkat(dirfd, name.c_str(), AT_REMOVEDIR) != 0) Fail(errno, name);
  return first_;
}

void TreeRemover::RemoveContents(int fd, const std::string& path, int level) {
  struct stat info;
  if (fstat(fd, &info) != 0) return Fail(errno, path);
  if (info.st_dev != device_) return Fail(EBUSY, path + ": is a mount point");
  if ((info.st_mode & 0700) != 0700) (void)fchmod(fd, 0700);
  UniqueFd own(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));  // closed by closedir()
  DIR* stream = own.valid() ? fdopendir(own.get()) : nullptr;
  if (stream == nullptr) return Fail(errno, path);
  own.Release();
  while (const dirent* entry = readdir(stream)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    RemoveOne(fd, entry->d_name, absl::StrCat(path, "/", entry->d_name), level + 1);
  }
  closedir(stream);
}

void TreeRemover::RemoveOne(int dirfd, const char* name, const std::string& path, int level) {
  if (unlinkat(dirfd, name, 0) == 0) return;
  if (errno != EISDIR && errno != EPERM) return Fail(errno, path);
  const int unlink_error = errno;
  if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0) return;
  if (errno == ENOTDIR) return Fail(unlink_error, path);
  if (level > kMaxOpenLevels) return MoveToTop(dirfd, name, path);
  {
    const UniqueFd dir = OpenDirectory(dirfd, name);
    if (!dir.valid()) return Fail(errno, path);
    RemoveContents(dir.get(), path, level);
  }
  if (unlinkat(dirfd, name, AT_REMOVEDIR) != 0) Fail(errno, path);
}

void TreeRemover::MoveToTop(int dirfd, const char* name, const std::string& path) {
  for (;;) {
    const std::string target = absl::StrCat(".removed-", next_name_++);
    if (renameat2(dirfd, name, top_.get(), target.c_str(), RENAME_NOREPLACE) == 0) {
      ++moved_;
      return;
    }
    if (errno == EEXIST) continue;
    // A directory that changes its parent must be writable itself.
    if (errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0 &&
        renameat2(dirfd, name, top_.get(), target.c_str(), RENAME_NOREPLACE) == 0) {
      ++moved_;
      return;
    }
    return Fail(errno, path);
  }
}

}  // namespace

absl::Status RemoveTreeAt(int dirfd, absl::string_view path) {
  if (absl::StrContains(path, '\0')) return absl::InvalidArgumentError("a path contains a NUL byte");
  return TreeRemover().Remove(dirfd, std::string(path));
}

}  // namespace coracle::os
