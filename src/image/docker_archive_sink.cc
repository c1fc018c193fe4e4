#include "image/docker_archive_sink.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace coracle::image {
namespace {

constexpr BlobName kLayerName = {"", ".tar"};
constexpr BlobName kConfigName = {"", ".json"};

}  // namespace

class DockerArchiveSink : public ImageSink {
 public:
  DockerArchiveSink(DockerArchiveWriter& writer, std::string name, std::vector<std::string> tags, bool finish)
      : writer_(writer), name_(std::move(name)), finish_(finish) {
    image_.repo_tags = std::move(tags);
  }

  std::string Name() const override { return name_; }
  SinkTraits traits() const override {
    SinkTraits traits;
    traits.manifest_types = {oci::kDockerManifest};
    traits.layer_compression = archive::Compression::kNone;
    traits.max_parallel_blobs = 1;
    return traits;
  }
  absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) override {
    image_.config = kConfigName.For(descriptor.digest.hex());
    const auto size = static_cast<int64_t>(bytes.size());
    if (writer_.members_->HasBlob(kConfigName, descriptor.digest, size)) return absl::OkStatus();
    archive::MemorySource source(bytes);
    return writer_.members_->PutBlob(source, descriptor.digest, size, kConfigName).status();
  }
  absl::StatusOr<bool> TryReuseLayer(const LayerToPut& layer) override {
    return writer_.members_->HasBlob(kLayerName, layer.descriptor.digest, layer.descriptor.size);
  }
  absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) override;
  // Only names the layers; the format has no manifest.
  absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole) override;
  absl::Status Commit() override {
    if (image_.config.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name_, ": the source is no image"));
    }
    writer_.images_.push_back(image_);
    return finish_ ? writer_.Finish() : absl::OkStatus();
  }

 private:
  DockerArchiveWriter& writer_;
  const std::string name_;
  const bool finish_;
  oci::DockerArchiveImage image_;
};

absl::StatusOr<oci::Descriptor> DockerArchiveSink::PutLayer(const LayerToPut& layer) {
  oci::Descriptor kept = layer.descriptor;
  // Compressed in the source: the content's digest is the config's diff id, so that an image which repeats a
  // layer of another costs nothing, and a size that is known beforehand can go in front.
  std::optional<int64_t> size;
  if (kept.digest.empty() && !layer.diff_id.empty()) {
    if (writer_.sizes_) size = writer_.sizes_(layer.diff_id);
    if (size.has_value() && writer_.members_->HasBlob(kLayerName, layer.diff_id, *size)) {
      kept.digest = layer.diff_id;
      kept.size = *size;
      return kept;
    }
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<archive::ByteSource> stream, layer.open(0));
  archive::HashingSource hash(*stream);
  WrittenBlob written;
  if (size.has_value()) {
    ASSIGN_OR_RETURN(written, writer_.members_->PutBlob(hash, layer.diff_id, *size, kLayerName));
    ASSIGN_OR_RETURN(written.digest, oci::Digest::FromHex(hash.HexDigest()));
  } else {
    ASSIGN_OR_RETURN(written, writer_.members_->PutBlob(*stream, kept.digest, kept.size, kLayerName));
  }
  if (!layer.diff_id.empty() && written.digest != layer.diff_id) {
    return absl::DataLossError(
        absl::StrCat("its content has digest ", written.digest.str(), " instead of ", layer.diff_id.str()));
  }
  kept.digest = written.digest;
  kept.size = written.size;
  return kept;
}

absl::Status DockerArchiveSink::PutManifest(const ManifestDocument& document, ManifestRole) {
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::ParseManifest(document.bytes, document.media_type));
  image_.layers.clear();
  for (const oci::Descriptor& layer : manifest.layers) {
    image_.layers.push_back(kLayerName.For(layer.digest.hex()));
  }
  return absl::OkStatus();
}

std::unique_ptr<ImageSink> DockerArchiveWriter::NewSink(std::string name, std::vector<std::string> tags,
                                                        bool finish) {
  return std::make_unique<DockerArchiveSink>(*this, std::move(name), std::move(tags), finish);
}

absl::Status DockerArchiveWriter::Finish() {
  RETURN_IF_ERROR(members_->PutFile("manifest.json", oci::SerializeDockerArchiveManifest(images_)));
  std::map<std::string, std::map<std::string, std::string>> repositories;
  for (const oci::DockerArchiveImage& image : images_) {
    if (image.layers.empty()) continue;
    const std::string top = image.layers.back().substr(0, 64);
    for (const std::string& tag : image.repo_tags) {
      const size_t colon = tag.rfind(':');
      if (colon != std::string::npos) repositories[tag.substr(0, colon)][tag.substr(colon + 1)] = top;
    }
  }
  RETURN_IF_ERROR(members_->PutFile("repositories", oci::SerializeDockerRepositories(repositories)));
  return members_->Finish();
}

}  // namespace coracle::image
