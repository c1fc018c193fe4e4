#include "image/docker_archive_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "archive/compression.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace coracle::image {
namespace {

// The names are compared in full, so that "debian" finds "docker.io/library/debian:latest".
std::string FullName(const std::string& text) {
  const auto reference = oci::ImageReference::Parse(text);
  return reference.ok() ? reference->WithTagOrDefault().str() : text;
}

absl::StatusOr<size_t> Choose(const std::vector<oci::DockerArchiveImage>& images, const TransportName& name) {
  if (name.index.has_value()) {
    if (*name.index < images.size()) return *name.index;
    return absl::NotFoundError(absl::StrCat("there are only ", images.size(), " images"));
  }
  std::vector<std::string> tags;
  const std::string wanted = FullName(name.reference);
  for (size_t i = 0; i < images.size(); ++i) {
    for (const std::string& tag : images[i].repo_tags) {
      if (!name.reference.empty() && FullName(tag) == wanted) return i;
      tags.push_back(Printable(tag));
    }
  }
  const std::string list = absl::StrJoin(tags, ", ");
  if (!name.reference.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no image is called ", Printable(name.reference), ": there is ", list));
  }
  if (images.size() == 1) return 0;
  return absl::InvalidArgumentError(absl::StrCat("there is more than one image: choose of ", list));
}

absl::string_view LayerTypeOf(archive::Compression compression) {
  switch (compression) {
    case archive::Compression::kGzip:
      return oci::kDockerLayerGzip;
    case archive::Compression::kZstd:
      return oci::kDockerLayerZstd;
    case archive::Compression::kNone:
      break;
  }
  return oci::kDockerLayer;
}

}  // namespace

absl::StatusOr<std::vector<oci::DockerArchiveImage>> ReadDockerArchiveImages(const Members& members) {
  if (!members.Has("manifest.json")) {
    return absl::NotFoundError(
        members.Has("repositories")
            ? "the archive has no manifest.json: those from before docker 1.10 are not supported"
            : "the archive has no manifest.json: it is none of docker save");
  }
  ASSIGN_OR_RETURN(const std::string text,
                   members.Read("manifest.json", oci::kMaxDockerArchiveManifestBytes));
  return oci::ParseDockerArchiveManifest(text);
}

absl::StatusOr<std::unique_ptr<ImageSource>> DockerArchiveSource::Open(std::shared_ptr<Members> members,
                                                                       const TransportName& name) {
  ASSIGN_OR_RETURN(std::vector<oci::DockerArchiveImage> images, ReadDockerArchiveImages(*members), name.path);
  ASSIGN_OR_RETURN(const size_t chosen, Choose(images, name), name.path);
  return std::make_unique<DockerArchiveSource>(std::move(members), std::move(images[chosen]), name.str());
}

absl::StatusOr<oci::Descriptor> DockerArchiveSource::Describe(const std::string& member,
                                                              const oci::Digest& diff_id) const {
  oci::Descriptor layer;
  ASSIGN_OR_RETURN(layer.size, members_->SizeOf(member));
  ASSIGN_OR_RETURN(std::unique_ptr<archive::ByteSource> source, members_->Open(member, 0));
  std::string head(archive::kMagicBytes, '\0');
  size_t have = 0;
  while (have < head.size()) {
    ASSIGN_OR_RETURN(const size_t count,
                     source->Read(absl::MakeSpan(head.data() + have, head.size() - have)));
    if (count == 0) break;
    have += count;
  }
  ASSIGN_OR_RETURN(const archive::Compression compression,
                   archive::DetectCompression(absl::string_view(head).substr(0, have)));
  layer.media_type = std::string(LayerTypeOf(compression));
  if (compression == archive::Compression::kNone) {
    layer.digest = diff_id;
    return layer;
  }
  ASSIGN_OR_RETURN(source, members_->Open(member, 0));
  archive::HashingSource hash(*source);
  RETURN_IF_ERROR(archive::Drain(hash));
  ASSIGN_OR_RETURN(layer.digest, oci::Digest::FromHex(hash.HexDigest()));
  return layer;
}

absl::StatusOr<ManifestDocument> DockerArchiveSource::GetManifest() {
  ASSIGN_OR_RETURN(const std::string config_json, members_->Read(image_.config, oci::kMaxImageConfigBytes));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(config_json),
                   Printable(image_.config));
  if (config.diff_ids.size() != image_.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat("manifest.json names ", image_.layers.size(),
                                                   " layers, the config ", config.diff_ids.size()));
  }
  oci::Manifest manifest;
  manifest.media_type = oci::kDockerManifest;
  manifest.config.media_type = oci::kDockerConfig;
  manifest.config.size = static_cast<int64_t>(config_json.size());
  ASSIGN_OR_RETURN(manifest.config.digest, oci::Digest::FromHex(Sha256Hex(config_json)));
  blobs_[manifest.config.digest] = image_.config;
  for (size_t i = 0; i < image_.layers.size(); ++i) {
    ASSIGN_OR_RETURN(oci::Descriptor layer, Describe(image_.layers[i], config.diff_ids[i]), "layer ", i + 1);
    blobs_[layer.digest] = image_.layers[i];
    manifest.layers.push_back(std::move(layer));
  }
  ManifestDocument document;
  document.bytes = oci::SerializeManifest(manifest);
  document.media_type = manifest.media_type;
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  return document;
}

absl::StatusOr<ManifestDocument> DockerArchiveSource::GetInstance(const oci::Descriptor& descriptor) {
  return absl::NotFoundError(absl::StrCat("docker archives have no manifest ", descriptor.digest.str()));
}

absl::StatusOr<std::unique_ptr<archive::ByteSource>> DockerArchiveSource::OpenBlob(
    const oci::Descriptor& blob, int64_t offset) {
  const auto found = blobs_.find(blob.digest);
  if (found == blobs_.end()) {
    return absl::NotFoundError(absl::StrCat("the archive has no blob ", blob.digest.str()));
  }
  return members_->Open(found->second, offset);
}

}  // namespace coracle::image
