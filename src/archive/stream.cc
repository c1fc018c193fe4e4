#include "archive/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/status.h"
#include "os/file.h"

namespace coracle::archive {

absl::StatusOr<size_t> FdSource::Read(absl::Span<char> buffer) {
  ssize_t count;
  do {
    count = read(fd_, buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return ErrnoStatus(errno, "read");
  return static_cast<size_t>(count);
}

absl::Status FdSink::Write(absl::string_view data) { return os::WriteAll(fd_, data); }

absl::StatusOr<size_t> MemorySource::Read(absl::Span<char> buffer) {
  const size_t count = std::min(buffer.size(), data_.size());
  if (count > 0) memcpy(buffer.data(), data_.data(), count);
  data_.remove_prefix(count);
  return count;
}

absl::Status StringSink::Write(absl::string_view data) {
  data_.append(data.data(), data.size());
  return absl::OkStatus();
}

absl::StatusOr<size_t> HashingSource::Read(absl::Span<char> buffer) {
  ASSIGN_OR_RETURN(const size_t count, inner_.Read(buffer));
  hash_.Update(absl::string_view(buffer.data(), count));
  bytes_ += static_cast<int64_t>(count);
  return count;
}

absl::Status HashingSink::Write(absl::string_view data) {
  hash_.Update(data);
  bytes_ += static_cast<int64_t>(data.size());
  return inner_.Write(data);
}

absl::StatusOr<size_t> TeeSource::Read(absl::Span<char> buffer) {
  ASSIGN_OR_RETURN(const size_t count, inner_.Read(buffer));
  RETURN_IF_ERROR(copy_.Write(absl::string_view(buffer.data(), count)));
  return count;
}

absl::Status Drain(ByteSource& source, int64_t* bytes) {
  const std::unique_ptr<char[]> buffer(new char[kStreamBufferBytes]);
  int64_t total = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const size_t count, source.Read(absl::MakeSpan(buffer.get(), kStreamBufferBytes)));
    if (count == 0) break;
    total += static_cast<int64_t>(count);
  }
  if (bytes != nullptr) *bytes = total;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Copy(ByteSource& source, ByteSink& sink) {
  const std::unique_ptr<char[]> buffer(new char[kStreamBufferBytes]);
  int64_t total = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const size_t count, source.Read(absl::MakeSpan(buffer.get(), kStreamBufferBytes)));
    if (count == 0) return total;
    RETURN_IF_ERROR(sink.Write(absl::string_view(buffer.get(), count)));
    total += static_cast<int64_t>(count);
  }
}

}  // namespace coracle::archive
