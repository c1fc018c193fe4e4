#include "image/oci_layout_sink.h"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "image/members.h"
#include "image/oci_layout_source.h"
#include "oci/image_config.h"
#include "os/file.h"

namespace coracle::image {
namespace {

constexpr BlobName kBlobName = {"blobs/sha256/", ""};
constexpr char kLayoutText[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

std::string RefName(const oci::Descriptor& entry) {
  const auto found = entry.annotations.find(kRefNameAnnotation);
  return found == entry.annotations.end() ? "" : found->second;
}

}  // namespace

class OciLayoutSink : public ImageSink {
 public:
  OciLayoutSink(OciLayoutWriter& writer, std::string name, std::vector<std::string> references, bool finish)
      : writer_(writer), name_(std::move(name)), references_(std::move(references)), finish_(finish) {}

  std::string Name() const override { return name_; }
  SinkTraits traits() const override {
    SinkTraits traits;
    traits.manifest_types = {oci::kOciManifest, oci::kOciIndex};
    traits.max_parallel_blobs = writer_.members_->max_parallel_blobs();
    return traits;
  }
  absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) override {
    return PutBytes(descriptor.digest, bytes);
  }
  absl::StatusOr<bool> TryReuseLayer(const LayerToPut& layer) override {
    return writer_.members_->HasBlob(kBlobName, layer.descriptor.digest, layer.descriptor.size);
  }
  absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) override {
    ASSIGN_OR_RETURN(const std::unique_ptr<archive::ByteSource> stream, layer.open(0));
    oci::Descriptor kept = layer.descriptor;
    ASSIGN_OR_RETURN(const WrittenBlob written,
                     writer_.members_->PutBlob(*stream, kept.digest, kept.size, kBlobName));
    kept.digest = written.digest;
    kept.size = written.size;
    return kept;
  }
  absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole role) override {
    RETURN_IF_ERROR(PutBytes(manifest.digest, manifest.bytes));
    if (role == ManifestRole::kTop) top_ = manifest;
    return absl::OkStatus();
  }
  absl::Status Commit() override {
    writer_.Add(top_, references_);
    return finish_ ? writer_.Finish() : absl::OkStatus();
  }

 private:
  absl::Status PutBytes(const oci::Digest& digest, absl::string_view bytes) {
    const auto size = static_cast<int64_t>(bytes.size());
    if (writer_.members_->HasBlob(kBlobName, digest, size)) return absl::OkStatus();
    archive::MemorySource source(bytes);
    return writer_.members_->PutBlob(source, digest, size, kBlobName).status();
  }

  OciLayoutWriter& writer_;
  const std::string name_;
  const std::vector<std::string> references_;
  const bool finish_;
  ManifestDocument top_;
};

absl::StatusOr<std::unique_ptr<OciLayoutWriter>> OciLayoutWriter::CreateDirectory(const std::string& dir) {
  if (os::ExistsAt(AT_FDCWD, dir)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(AT_FDCWD, dir));
    if (!names.empty() && !os::ExistsAt(AT_FDCWD, absl::StrCat(dir, "/oci-layout"))) {
      return absl::InvalidArgumentError(absl::StrCat(dir, ": has files, but is no OCI layout"));
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<DirectoryWriter> directory, DirectoryWriter::Create(dir));
  std::unique_ptr<OciLayoutWriter> writer(new OciLayoutWriter);
  writer->directory_ = directory.get();
  writer->members_ = std::move(directory);
  return writer;
}

std::unique_ptr<OciLayoutWriter> OciLayoutWriter::CreateArchive(std::unique_ptr<MemberWriter> members) {
  std::unique_ptr<OciLayoutWriter> writer(new OciLayoutWriter);
  writer->members_ = std::move(members);
  return writer;
}

std::unique_ptr<ImageSink> OciLayoutWriter::NewSink(std::string name, std::vector<std::string> references,
                                                    bool finish) {
  return std::make_unique<OciLayoutSink>(*this, std::move(name), std::move(references), finish);
}

void OciLayoutWriter::Add(const ManifestDocument& top, const std::vector<std::string>& references) {
  oci::Descriptor entry;
  entry.media_type = top.media_type;
  entry.digest = top.digest;
  entry.size = static_cast<int64_t>(top.bytes.size());
  if (references.empty()) entries_.push_back(entry);
  for (const std::string& reference : references) {
    entry.annotations[kRefNameAnnotation] = reference;
    entries_.push_back(entry);
  }
}

// What the directory's index has and we do not replace. The caller holds its lock.
absl::Status OciLayoutWriter::MergeIndex() {
  const std::string self = absl::StrCat("/proc/self/fd/", directory_->fd());
  ASSIGN_OR_RETURN(const std::shared_ptr<Members> members, OpenDirectoryMembers(self));
  if (!members->Has("index.json")) return absl::OkStatus();
  ASSIGN_OR_RETURN(oci::Index old, ReadLayoutIndex(*members));
  const auto replaced = [&](const oci::Descriptor& entry) {
    return std::any_of(entries_.begin(), entries_.end(), [&](const oci::Descriptor& ours) {
      return RefName(ours) == RefName(entry) && (!RefName(ours).empty() || ours.digest == entry.digest);
    });
  };
  old.manifests.erase(std::remove_if(old.manifests.begin(), old.manifests.end(), replaced),
                      old.manifests.end());
  old.manifests.insert(old.manifests.end(), entries_.begin(), entries_.end());
  entries_ = std::move(old.manifests);
  return absl::OkStatus();
}

absl::Status OciLayoutWriter::Finish() {
  if (directory_ != nullptr) {
    // Two writers into one layout: neither loses the other's images. The lock goes with the directory's
    // descriptor.
    if (flock(directory_->fd(), LOCK_EX) != 0) return ErrnoStatus(errno, "lock the layout");
    RETURN_IF_ERROR(MergeIndex());
  }
  oci::Index index;
  index.media_type.clear();  // as image-layout.md has it in its example, and every other writer
  index.manifests = entries_;
  RETURN_IF_ERROR(members_->PutFile("oci-layout", kLayoutText));
  RETURN_IF_ERROR(members_->PutFile("index.json", oci::SerializeIndex(index)));
  return members_->Finish();
}

}  // namespace coracle::image
