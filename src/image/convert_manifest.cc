#include "image/convert_manifest.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::image {
namespace {

archive::Compression CompressionOf(oci::LayerKind kind) {
  switch (kind) {
    case oci::LayerKind::kTarGzip:
      return archive::Compression::kGzip;
    case oci::LayerKind::kTarZstd:
      return archive::Compression::kZstd;
    case oci::LayerKind::kTar:
    case oci::LayerKind::kNotALayer:
      break;
  }
  return archive::Compression::kNone;
}

// Docker has no foreign zstd layers, OCI all three.
std::string ForeignType(ManifestFormat format, archive::Compression compression) {
  const bool plain = compression == archive::Compression::kNone;
  if (format == ManifestFormat::kDocker) {
    return plain ? "application/vnd.docker.image.rootfs.foreign.diff.tar" : oci::kDockerForeignLayerGzip;
  }
  return absl::StrCat("application/vnd.oci.image.layer.nondistributable.v1.tar",
                      plain ? "" : absl::StrCat("+", archive::CompressionName(compression)));
}

}  // namespace

ManifestFormat FormatOf(absl::string_view media_type) {
  return absl::StartsWith(media_type, "application/vnd.docker.") ? ManifestFormat::kDocker
                                                                 : ManifestFormat::kOci;
}

absl::StatusOr<std::string> LayerType(ManifestFormat format, archive::Compression compression) {
  const bool docker = format == ManifestFormat::kDocker;
  switch (compression) {
    case archive::Compression::kGzip:
      return docker ? oci::kDockerLayerGzip : oci::kOciLayerGzip;
    case archive::Compression::kZstd:
      if (docker) {
        return absl::InvalidArgumentError("docker's manifest format has no zstd layers: use the oci format");
      }
      return oci::kOciLayerZstd;
    case archive::Compression::kNone:
      break;
  }
  return docker ? oci::kDockerLayer : oci::kOciLayer;
}

bool IsForeignLayer(const oci::Descriptor& layer) {
  return absl::StrContains(layer.media_type, ".foreign.") ||
         absl::StrContains(layer.media_type, ".nondistributable.");
}

absl::Status ConvertManifest(oci::Manifest& manifest, ManifestFormat format) {
  const bool docker = format == ManifestFormat::kDocker;
  const bool image =
      manifest.config.media_type == oci::kOciConfig || manifest.config.media_type == oci::kDockerConfig;
  if (docker && (!image || !manifest.artifact_type.empty())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "docker's manifest format has only images, and this is an artifact (",
        Printable(manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type),
        ")"));
  }
  manifest.media_type = docker ? oci::kDockerManifest : oci::kOciManifest;
  if (image) manifest.config.media_type = docker ? oci::kDockerConfig : oci::kOciConfig;
  for (oci::Descriptor& layer : manifest.layers) {
    const oci::LayerKind kind = oci::LayerKindOf(layer.media_type);
    if (kind == oci::LayerKind::kNotALayer) {
      if (!docker) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("docker's manifest format has no layers of type ", Printable(layer.media_type)));
    }
    ASSIGN_OR_RETURN(std::string type, LayerType(format, CompressionOf(kind)));
    layer.media_type = IsForeignLayer(layer) ? ForeignType(format, CompressionOf(kind)) : std::move(type);
    if (docker) layer.annotations.clear();
  }
  if (docker) {
    manifest.annotations.clear();
    manifest.config.annotations.clear();
    manifest.subject.reset();
  }
  return absl::OkStatus();
}

void ConvertIndex(oci::Index& index, ManifestFormat format) {
  const bool docker = format == ManifestFormat::kDocker;
  index.media_type = docker ? oci::kDockerManifestList : oci::kOciIndex;
  if (!docker) return;
  index.annotations.clear();
  index.artifact_type.clear();
  index.subject.reset();
  for (oci::Descriptor& manifest : index.manifests) {
    manifest.annotations.clear();
    manifest.artifact_type.clear();
  }
}

}  // namespace coracle::image
