#include "oci/media_types.h"

namespace coracle::oci {
namespace {

struct KnownLayer {
  // No string_view: to g++ 12 with UBSan its constructor is no constant expression.
  const char* media_type;
  LayerKind kind;
};
constexpr KnownLayer kLayers[] = {
    {kOciLayer, LayerKind::kTar},
    {kOciLayerGzip, LayerKind::kTarGzip},
    {kOciLayerZstd, LayerKind::kTarZstd},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", LayerKind::kTar},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LayerKind::kTarGzip},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LayerKind::kTarZstd},
    {kDockerLayer, LayerKind::kTar},
    {kDockerLayerGzip, LayerKind::kTarGzip},
    {kDockerLayerZstd, LayerKind::kTarZstd},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", LayerKind::kTar},
    {kDockerForeignLayerGzip, LayerKind::kTarGzip},
};

}  // namespace

LayerKind LayerKindOf(absl::string_view media_type) {
  for (const KnownLayer& layer : kLayers) {
    if (layer.media_type == media_type) return layer.kind;
  }
  return LayerKind::kNotALayer;
}

bool IsIndexType(absl::string_view media_type) {
  return media_type == kOciIndex || media_type == kDockerManifestList;
}

bool IsManifestType(absl::string_view media_type) {
  return media_type == kOciManifest || media_type == kDockerManifest;
}

}  // namespace coracle::oci
