// Media types of manifests, configs and layers.
// Source: image-spec media-types.md; docker's "Image Manifest V 2, Schema 2".
#ifndef CORACLE_OCI_MEDIA_TYPES_H_
#define CORACLE_OCI_MEDIA_TYPES_H_

#include "absl/strings/string_view.h"

namespace coracle::oci {

inline constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kOciConfig[] = "application/vnd.oci.image.config.v1+json";
inline constexpr char kOciLayer[] = "application/vnd.oci.image.layer.v1.tar";
inline constexpr char kOciLayerGzip[] = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr char kOciLayerZstd[] = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr char kOciEmpty[] = "application/vnd.oci.empty.v1+json";

inline constexpr char kDockerManifestList[] = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerManifestV1[] = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr char kDockerManifestV1Signed[] = "application/vnd.docker.distribution.manifest.v1+prettyjws";
inline constexpr char kDockerConfig[] = "application/vnd.docker.container.image.v1+json";
inline constexpr char kDockerLayer[] = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr char kDockerLayerGzip[] = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr char kDockerLayerZstd[] = "application/vnd.docker.image.rootfs.diff.tar.zstd";
inline constexpr char kDockerForeignLayerGzip[] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

enum class LayerKind {
  kNotALayer,  // or one that we know nothing of
  kTar,
  kTarGzip,
  kTarZstd,
};

// What a layer of `media_type` is. Types of layers that must not be pushed ("nondistributable", "foreign")
// count as the layers that they are.
LayerKind LayerKindOf(absl::string_view media_type);

bool IsIndexType(absl::string_view media_type);     // OCI index or docker manifest list
bool IsManifestType(absl::string_view media_type);  // OCI or docker image manifest

}  // namespace coracle::oci

#endif  // CORACLE_OCI_MEDIA_TYPES_H_
