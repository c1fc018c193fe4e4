#include "image/store_source.h"

#include <unistd.h>

#include <cerrno>

#include "base/sha256.h"
#include "base/status.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "oci/image_config.h"
#include "storage/layer_blob.h"
#include "store/lease.h"

namespace coracle::image {
namespace {

class FileStream : public archive::ByteSource {
 public:
  explicit FileStream(os::UniqueFd fd) : fd_(std::move(fd)), source_(fd_.get()) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override { return source_.Read(buffer); }

 private:
  const os::UniqueFd fd_;
  archive::FdSource source_;
};

class Source : public StoreSource {
 public:
  Source(const store::Store& store, store::Lease lease, Found found)
      : store_(store), lease_(std::move(lease)), found_(std::move(found)) {}

  std::string Name() const override {
    return found_.name.empty() ? absl::StrCat("image ", found_.record.id()) : found_.name;
  }
  const store::ImageRecord& record() const override { return found_.record; }
  const std::string& found_name() const override { return found_.name; }

  absl::Status CheckPlatform(const oci::Platform& wanted) const override;

  // Claims first, looks second (store/lease.h).
  absl::Status Hold();

  absl::StatusOr<ManifestDocument> GetManifest() override { return manifest_; }
  absl::StatusOr<ManifestDocument> GetInstance(const oci::Descriptor& descriptor) override {
    return ReadDocument(descriptor.digest.str(), descriptor.media_type);
  }
  absl::StatusOr<std::unique_ptr<archive::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                                int64_t offset) override {
    ASSIGN_OR_RETURN(os::UniqueFd fd, storage::OpenBlob(store_, blob.digest.hex()));
    if (lseek(fd.get(), offset, SEEK_SET) < 0)
      return ErrnoStatus(errno, absl::StrCat("seek in blob ", blob.digest.str()));
    return std::make_unique<FileStream>(std::move(fd));
  }

 private:
  absl::StatusOr<ManifestDocument> ReadDocument(absl::string_view digest, const std::string& media_type) {
    ManifestDocument document;
    ASSIGN_OR_RETURN(document.digest, oci::Digest::Parse(digest));
    const std::string path = store_.BlobPath(document.digest.hex());
    ASSIGN_OR_RETURN(document.bytes, os::ReadFileAt(AT_FDCWD, path, oci::kMaxManifestBytes));
    document.media_type = media_type;
    return document;
  }

  const store::Store& store_;
  store::Lease lease_;
  const Found found_;
  ManifestDocument manifest_;
};

absl::Status Source::CheckPlatform(const oci::Platform& wanted) const {
  ASSIGN_OR_RETURN(const std::string text, ReadConfig(store_, found_.record));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(text), Name());
  const oci::Platform own{config.architecture, config.os, "", {}, config.variant};
  if (oci::PlatformDistance(wanted, own) == 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(Name(), " is here for ", oci::PlatformName(own), ", not for ",
                                          oci::PlatformName(wanted), ": pull it with --platform first"));
}

absl::Status Source::Hold() {
  store::ManifestRef ref;
  ref.set_digest(found_.record.manifest_digest());
  ref.set_media_type(found_.record.manifest_media_type());
  if (!found_.name.empty()) {
    const auto tag = store::ReadRecord<store::TagRecord>(store_.TagPath(found_.name));
    if (tag.ok() && tag->has_manifest() && tag->image_id() == found_.record.id()) ref = tag->manifest();
  }
  ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(ref.digest()));
  RETURN_IF_ERROR(lease_.ClaimBlob(digest.hex()));
  ASSIGN_OR_RETURN(manifest_, ReadDocument(ref.digest(), ref.media_type()));
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::ParseManifest(manifest_.bytes, manifest_.media_type));
  std::vector<const oci::Descriptor*> blobs = {&manifest.config};
  for (const oci::Descriptor& layer : manifest.layers) blobs.push_back(&layer);
  for (const oci::Descriptor* blob : blobs) RETURN_IF_ERROR(lease_.ClaimBlob(blob->digest.hex()));
  // A layer that was made here has no blob: its archive is made from its directory.
  for (const std::string& layer : found_.record.layer_ids()) RETURN_IF_ERROR(lease_.ClaimLayer(layer));
  for (const oci::Descriptor* blob : blobs) {
    if (storage::HasBlob(store_, blob->digest.hex())) continue;
    return absl::NotFoundError(absl::StrCat("blob ", blob->digest.str(), " is not in the store"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreSource>> StoreSource::Create(const store::Store& store,
                                                                 absl::string_view reference) {
  ASSIGN_OR_RETURN(Found found, Lookup(store, reference));
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "push"));
  auto source = std::make_unique<Source>(store, std::move(lease), std::move(found));
  RETURN_IF_ERROR(source->Hold(), "image ", source->Name());
  return source;
}

}  // namespace coracle::image
