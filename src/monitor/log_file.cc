#include "monitor/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

constexpr mode_t kLogMode = 0640;
constexpr uint32_t kMaxLogFiles = 1000;

}  // namespace

absl::StatusOr<LogFile> LogFile::Open(std::string path, uint64_t max_bytes, uint32_t max_files) {
  ASSIGN_OR_RETURN(os::UniqueFd fd,
                   os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, kLogMode));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  // Sizes and cuts have no meaning for a device or fifo.
  if (!S_ISREG(info.st_mode)) max_bytes = 0;
  return LogFile(std::move(path), std::move(fd), static_cast<uint64_t>(info.st_size), max_bytes,
                 std::clamp(max_files, 1u, kMaxLogFiles));
}

void LogFile::Rotate() {
  for (uint32_t i = max_files_; i-- > 1;) {
    const std::string from = i == 1 ? path_ : absl::StrCat(path_, ".", i - 1);
    if (rename(from.c_str(), absl::StrCat(path_, ".", i).c_str()) != 0 && errno != ENOENT) {
      last_error_ = errno;
      return;
    }
  }
  // With one file only: a new inode in place of the old one, which readers may still have open.
  if (max_files_ == 1) (void)unlink(path_.c_str());
  absl::StatusOr<os::UniqueFd> fd =
      os::OpenAt(AT_FDCWD, path_, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NOFOLLOW, kLogMode);
  if (!fd.ok()) {
    last_error_ = ErrnoOf(fd.status());
    return;
  }
  fd_ = *std::move(fd);
  size_ = 0;
}

int LogFile::Append(absl::string_view entries) {
  size_t done = 0;
  while (done < entries.size()) {
    const ssize_t count = write(fd_.get(), entries.data() + done, entries.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      last_error_ = count < 0 ? errno : EIO;
      // Nothing half written may stay: the next entry would be glued to it.
      if (done > 0) (void)ftruncate(fd_.get(), static_cast<off_t>(size_));
      lost_bytes_ += entries.size();
      return last_error_;
    }
    done += static_cast<size_t>(count);
  }
  size_ += done;
  return 0;
}

}  // namespace coracle::monitor
