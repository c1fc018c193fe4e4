#include "archive/file_range.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/status.h"

namespace coracle::archive {

absl::StatusOr<size_t> FileRange::Read(absl::Span<char> buffer) {
  const size_t wanted = static_cast<size_t>(std::min(left_, static_cast<int64_t>(buffer.size())));
  if (wanted == 0) return size_t{0};
  ssize_t count;
  do {
    count = pread(file_->get(), buffer.data(), wanted, position_);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return ErrnoStatus(errno, "read");
  position_ += count;
  left_ -= count;
  return static_cast<size_t>(count);
}

}  // namespace coracle::archive
