#include "image/dir_source.h"

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"

namespace coracle::image {

absl::StatusOr<ManifestDocument> DirSource::GetManifest() {
  ManifestDocument document;
  ASSIGN_OR_RETURN(document.bytes, members_->Read("manifest.json", oci::kMaxManifestBytes));
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  return document;
}

absl::StatusOr<ManifestDocument> DirSource::GetInstance(const oci::Descriptor& descriptor) {
  ManifestDocument document;
  ASSIGN_OR_RETURN(document.bytes, members_->Read(absl::StrCat(descriptor.digest.hex(), ".manifest.json"),
                                                  oci::kMaxManifestBytes));
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  document.media_type = descriptor.media_type;
  return document;
}

absl::StatusOr<std::unique_ptr<archive::ByteSource>> DirSource::OpenBlob(const oci::Descriptor& blob,
                                                                         int64_t offset) {
  return members_->Open(blob.digest.hex(), offset);
}

}  // namespace coracle::image
