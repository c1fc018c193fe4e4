#include "image/partial_source.h"

#include <algorithm>

#include "base/fault.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::image {

PartialSource::PartialSource(int fd, int64_t held, int64_t size, Opener open,
                             std::function<void(int64_t)> resumed)
    : fd_(fd), held_(held), size_(size), open_(std::move(open)), resumed_(std::move(resumed)) {}

absl::StatusOr<size_t> PartialSource::ReadFile(absl::Span<char> buffer) {
  const auto want =
      static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(buffer.size()), held_ - position_));
  archive::FdSource file(fd_);
  ASSIGN_OR_RETURN(const size_t count, file.Read(buffer.subspan(0, want)), "partial blob");
  if (count == 0) return absl::DataLossError("partial blob: shorter than it was");
  position_ += static_cast<int64_t>(count);
  resumed_(static_cast<int64_t>(count));
  return count;
}

absl::StatusOr<size_t> PartialSource::Read(absl::Span<char> buffer) {
  if (position_ < held_) return ReadFile(buffer);
  if (rest_ == nullptr) {
    if (held_ == size_ && held_ > 0) return size_t{0};  // all of it had come; nobody has to be asked
    auto rest = open_(held_);
    source_failed_ = !rest.ok();
    if (!rest.ok()) return rest.status();
    rest_ = *std::move(rest);
  }
  auto count = rest_->Read(buffer);
  source_failed_ = !count.ok();
  if (!count.ok() || *count == 0) return count;
  RETURN_IF_ERROR(os::WriteAll(fd_, absl::string_view(buffer.data(), *count)), "partial blob");
  position_ += static_cast<int64_t>(*count);
  FaultPoint("image.pull.partial-grew");
  return count;
}

}  // namespace coracle::image
