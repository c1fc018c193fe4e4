#include <atomic>

#include "base/sha256.h"
#include "base/status.h"
#include "image/convert_manifest.h"
#include "image/registry_transport.h"

namespace coracle::image {
namespace {

using Stream = std::unique_ptr<archive::ByteSource>;

class ReaderSource : public archive::ByteSource {
 public:
  explicit ReaderSource(std::unique_ptr<registry::BlobReader> reader) : reader_(std::move(reader)) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override { return reader_->Read(buffer); }

 private:
  std::unique_ptr<registry::BlobReader> reader_;
};

class RegistrySource : public ImageSource {
 public:
  RegistrySource(std::vector<RegistryPlace> places, const oci::ImageReference& reference,
                 ProgressObserver* progress)
      : places_(std::move(places)), reference_(reference), progress_(progress) {}

  std::string Name() const override { return absl::StrCat("docker://", reference_.str()); }
  absl::StatusOr<ManifestDocument> GetManifest() override;
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override;
  absl::StatusOr<Stream> OpenBlob(const oci::Descriptor& blob, int64_t offset) override;
  void Cancel() override {
    for (const RegistryPlace& place : places_) place.client->Cancel();
  }

  // From place `first` on; `first` becomes the one that answered.
  absl::StatusOr<Stream> OpenAt(const oci::Descriptor& blob, int64_t offset, size_t& first);
  size_t places() const { return places_.size(); }

 private:
  // What `ask` gives of the first place, from `first` on, that has it.
  template <typename T, typename Ask>
  absl::StatusOr<T> FromAny(size_t& first, absl::string_view what, const Ask& ask);
  // By tag if `wanted` is empty.
  absl::StatusOr<ManifestDocument> Fetch(const oci::Digest& wanted);

  const std::vector<RegistryPlace> places_;
  const oci::ImageReference reference_;
  ProgressObserver* const progress_;
  std::atomic<size_t> current_{0};  // the place that answered last
};

// A blob that goes on at the next place when one fails for good.
class MovingSource : public archive::ByteSource {
 public:
  MovingSource(RegistrySource& source, oci::Descriptor blob, int64_t offset, Stream stream, size_t place)
      : source_(source),
        blob_(std::move(blob)),
        position_(offset),
        stream_(std::move(stream)),
        place_(place) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    for (;;) {
      auto count = stream_->Read(buffer);
      if (count.ok()) {
        position_ += static_cast<int64_t>(*count);
        return count;
      }
      if (absl::IsCancelled(count.status()) || ++place_ >= source_.places()) return count;
      ASSIGN_OR_RETURN(stream_, source_.OpenAt(blob_, position_, place_));
    }
  }

 private:
  RegistrySource& source_;
  const oci::Descriptor blob_;
  int64_t position_;
  Stream stream_;
  size_t place_;
};

template <typename T, typename Ask>
absl::StatusOr<T> RegistrySource::FromAny(size_t& first, absl::string_view what, const Ask& ask) {
  absl::Status last = absl::NotFoundError(absl::StrCat(what, ": no registry to ask"));
  for (size_t i = first; i < places_.size(); ++i) {
    auto answer = ask(places_[i]);
    if (answer.ok()) {
      first = i;
      return answer;
    }
    last = answer.status();
    if (absl::IsCancelled(last)) return last;
    if (i + 1 < places_.size() && progress_ != nullptr) {
      progress_->Note(absl::StrCat(places_[i].at.name(), ": ", StatusLine(last), ", trying the next"));
    }
  }
  return last;
}

absl::StatusOr<ManifestDocument> RegistrySource::Fetch(const oci::Digest& wanted) {
  size_t place = 0;
  ASSIGN_OR_RETURN(
      registry::FetchedManifest fetched,
      (FromAny<registry::FetchedManifest>(place, reference_.str(), [&](const RegistryPlace& there) {
        return there.client->GetManifest(there.at.path(), wanted.empty() ? there.at.tag() : wanted.str());
      })));
  current_ = place;
  ManifestDocument document;
  document.bytes = std::move(fetched.bytes);
  document.media_type = std::move(fetched.media_type);
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  if (!wanted.empty() && document.digest != wanted) {
    return absl::DataLossError(
        absl::StrCat("manifest ", wanted.str(), ": what came has another digest, ", document.digest.str()));
  }
  return document;
}

absl::StatusOr<ManifestDocument> RegistrySource::GetManifest() { return Fetch(reference_.digest()); }

absl::StatusOr<ManifestDocument> RegistrySource::GetInstance(const oci::Descriptor& descriptor) {
  return Fetch(descriptor.digest);
}

absl::StatusOr<Stream> RegistrySource::OpenAt(const oci::Descriptor& blob, int64_t offset, size_t& first) {
  auto stream = FromAny<std::unique_ptr<registry::BlobReader>>(
      first, blob.digest.str(), [&](const RegistryPlace& there) {
        return there.client->OpenBlob(there.at.path(), blob.digest, offset);
      });
  if (!stream.ok()) return stream.status();
  return std::make_unique<ReaderSource>(*std::move(stream));
}

absl::StatusOr<Stream> RegistrySource::OpenBlob(const oci::Descriptor& blob, int64_t offset) {
  size_t place = current_;
  auto stream = OpenAt(blob, offset, place);
  // The place that had the manifest need not have the blob; those before it were asked once already.
  if (!stream.ok() && place == current_ && place > 0 && absl::IsNotFound(stream.status())) {
    place = 0;
    stream = OpenAt(blob, offset, place);
  }
  if (stream.ok()) {
    return std::make_unique<MovingSource>(*this, blob, offset, *std::move(stream), place);
  }
  if (!IsForeignLayer(blob) || absl::IsCancelled(stream.status())) return stream;
  for (const std::string& url : blob.urls) {
    auto reader = registry::OpenUrl(url, offset);
    if (reader.ok()) return std::make_unique<ReaderSource>(*std::move(reader));
    stream = reader.status();
  }
  return stream;
}

}  // namespace

std::unique_ptr<ImageSource> MakeRegistrySource(std::vector<RegistryPlace> places,
                                                const oci::ImageReference& reference,
                                                ProgressObserver* progress) {
  return std::make_unique<RegistrySource>(std::move(places), reference, progress);
}

}  // namespace coracle::image
