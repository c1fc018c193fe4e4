#include <cerrno>

#include "base/status.h"
#include "os/file_wait.h"
#include "store/lock_holder.h"
#include "store/store.h"

namespace coracle::store {

absl::StatusOr<FileLock> FileLock::Acquire(const std::string& path, absl::string_view what) {
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::LockFile(path, /*cancel=*/nullptr, [&](int locked) {
                     const std::string line =
                         absl::StrCat("waiting for ", what, ", held by ", DescribeLockHolder(locked), "\n");
                     (void)os::WriteAll(STDERR_FILENO, line);  // best effort: the wait goes on
                   }));
  return FileLock(std::move(fd));
}

absl::StatusOr<FileLock> FileLock::Try(const std::string& path) {
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::TryLockFile(path));
  return FileLock(std::move(fd));
}

bool FileLock::IsHeld(const std::string& path) {
  const auto fd = os::OpenAt(AT_FDCWD, path, O_RDONLY);
  if (!fd.ok()) return false;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(fd->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace coracle::store
