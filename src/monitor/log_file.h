// The file a container's output is logged to: appended to in whole entries, rotated by size.
//
// A disk that is full, or any other write error, never stops the container: entries are dropped, a half
// written one is cut off again, and a note with the number of lost bytes goes into the log once it can be
// written again.
#ifndef CORACLE_MONITOR_LOG_FILE_H_
#define CORACLE_MONITOR_LOG_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

class LogFile {
 public:
  // `max_bytes` 0: never rotated. `max_files` counts the current file; 0 is 1, where rotation throws the old
  // entries away, as docker's max-file=1. Errors: errno of open(2).
  static absl::StatusOr<LogFile> Open(std::string path, uint64_t max_bytes, uint32_t max_files);

  // Whether the entry would not fit any more after `pending` bytes that are not written yet.
  bool MustRotateFor(size_t pending, size_t entry) const {
    return max_bytes_ != 0 && size_ + pending > 0 && size_ + pending + entry > max_bytes_;
  }
  // path -> path.1 -> path.2 ..., and a new, empty file. On error logging goes on in the old file.
  void Rotate();
  // Appends whole entries. 0, or the errno that made it drop them.
  int Append(absl::string_view entries);
  uint64_t lost_bytes() const { return lost_bytes_; }
  int last_error() const { return last_error_; }
  void ForgetLoss() { lost_bytes_ = 0; }

 private:
  LogFile(std::string path, os::UniqueFd fd, uint64_t size, uint64_t max_bytes, uint32_t max_files)
      : path_(std::move(path)),
        fd_(std::move(fd)),
        size_(size),
        max_bytes_(max_bytes),
        max_files_(max_files) {}
  std::string path_;
  os::UniqueFd fd_;
  uint64_t size_ = 0, max_bytes_ = 0;
  uint32_t max_files_ = 1;
  uint64_t lost_bytes_ = 0;
  int last_error_ = 0;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_FILE_H_
