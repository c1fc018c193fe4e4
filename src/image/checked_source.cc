#include "image/checked_source.h"

#include <algorithm>

#include "base/status.h"

namespace coracle::image {

std::string ShortDigest(const oci::Digest& digest) { return std::string(digest.hex().substr(0, 12)); }

CheckedSource::CheckedSource(std::unique_ptr<archive::ByteSource> inner, const oci::Descriptor& descriptor,
                             int64_t offset, const StreamWatch& watch, bool digest)
    : inner_(std::move(inner)),
      digest_(descriptor.digest),
      size_(descriptor.size),
      position_(offset),
      watch_(watch) {
  if (offset == 0 && digest) hash_.emplace();
}

absl::StatusOr<size_t> CheckedSource::Read(absl::Span<char> buffer) {
  if (ended_) return size_t{0};
  if (watch_.cancel != nullptr) RETURN_IF_ERROR(watch_.cancel->Check());
  if (watch_.stop != nullptr) RETURN_IF_ERROR(watch_.stop->Check());
  // One byte past the end is asked for, to see that there is none.
  const int64_t left = size_ - position_;
  ASSIGN_OR_RETURN(
      const size_t count,
      inner_->Read(buffer.subspan(0, static_cast<size_t>(std::min<int64_t>(
                                         static_cast<int64_t>(buffer.size()), std::max<int64_t>(left, 1))))));
  if (count == 0) {
    RETURN_IF_ERROR(CheckEnd());
    ended_ = true;
    return count;
  }
  position_ += static_cast<int64_t>(count);
  if (position_ > size_) {
    return absl::DataLossError(
        absl::StrCat("blob ", digest_.str(), " is longer than the ", size_, " bytes that were announced"));
  }
  if (hash_.has_value()) hash_->Update(absl::string_view(buffer.data(), count));
  if (watch_.progress != nullptr) watch_.progress->Advance(watch_.item, static_cast<int64_t>(count));
  return count;
}

absl::Status CheckedSource::CheckEnd() {
  if (position_ != size_) {
    return absl::UnavailableError(
        absl::StrCat("blob ", digest_.str(), " ended after ", position_, " of ", size_, " bytes"));
  }
  if (!hash_.has_value()) return absl::OkStatus();
  const std::string hex = hash_->HexDigest();
  if (digest_.hex() == hex) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("blob ", digest_.str(), ": what came has another digest, sha256:", hex));
}

absl::StatusOr<std::string> ReadDocument(std::unique_ptr<archive::ByteSource> stream,
                                         const oci::Descriptor& descriptor, size_t max_bytes,
                                         const StreamWatch& watch) {
  if (descriptor.size < 0 || static_cast<uint64_t>(descriptor.size) > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("blob ", descriptor.digest.str(), " has ",
                                                     descriptor.size, " bytes, more than the ", max_bytes,
                                                     " that a document may have"));
  }
  CheckedSource checked(std::move(stream), descriptor, 0, watch);
  archive::StringSink sink;
  RETURN_IF_ERROR(archive::Copy(checked, sink).status());
  return std::move(sink.data());
}

}  // namespace coracle::image
