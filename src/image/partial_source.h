// A blob that goes on where an earlier attempt stopped.
#ifndef CORACLE_IMAGE_PARTIAL_SOURCE_H_
#define CORACLE_IMAGE_PARTIAL_SOURCE_H_

#include <functional>
#include <memory>

#include "archive/stream.h"

namespace coracle::image {

// First the bytes that the file holds, then those of `open(how many those were)`, each of which is written to
// the file before it is passed on. The file is whole when Read has given the end.
class PartialSource : public archive::ByteSource {
 public:
  using Opener = std::function<absl::StatusOr<std::unique_ptr<archive::ByteSource>>(int64_t offset)>;
  // `fd` is open for reading and writing, at its start; it holds `held` bytes, of `size` when whole. Both
  // stay the caller's. `resumed` is called for bytes that come from the file.
  PartialSource(int fd, int64_t held, int64_t size, Opener open, std::function<void(int64_t)> resumed);
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

  // The error came from `open` or its stream, not from the file.
  bool source_failed() const { return source_failed_; }

 private:
  absl::StatusOr<size_t> ReadFile(absl::Span<char> buffer);

  const int fd_;
  const int64_t held_, size_;
  int64_t position_ = 0;
  Opener open_;
  std::function<void(int64_t)> resumed_;
  std::unique_ptr<archive::ByteSource> rest_;
  bool source_failed_ = false;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_PARTIAL_SOURCE_H_
