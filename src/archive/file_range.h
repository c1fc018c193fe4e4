// A stretch of a file as a stream.
#ifndef CORACLE_ARCHIVE_FILE_RANGE_H_
#define CORACLE_ARCHIVE_FILE_RANGE_H_

#include <cstdint>
#include <memory>

#include "archive/stream.h"
#include "os/unique_fd.h"

namespace coracle::archive {

// Reads by position (pread(2)), so that any number of them share one descriptor, in any threads. A file that
// is shorter than the stretch ends the stream early.
class FileRange : public ByteSource {
 public:
  FileRange(std::shared_ptr<const os::UniqueFd> file, int64_t offset, int64_t size)
      : file_(std::move(file)), position_(offset), left_(size) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  std::shared_ptr<const os::UniqueFd> file_;
  int64_t position_, left_;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_FILE_RANGE_H_
