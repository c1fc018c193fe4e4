// Media types of one manifest format as those of another. Pure.
#ifndef CORACLE_IMAGE_CONVERT_MANIFEST_H_
#define CORACLE_IMAGE_CONVERT_MANIFEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "archive/compression.h"
#include "image/copy_image.h"
#include "oci/manifest.h"

namespace coracle::image {

// Of a manifest or index type; OCI for one that does not say.
ManifestFormat FormatOf(absl::string_view media_type);

// The type of a layer of that kind. Errors: InvalidArgument for zstd in docker's format, which no docker
// reads.
absl::StatusOr<std::string> LayerType(ManifestFormat format, archive::Compression compression);

// Renames the media types of manifest, config and layers, of whichever format each is; digests stay. Docker's
// format keeps neither annotations nor subject and has only images: InvalidArgument for an artifact, or a
// zstd layer. Foreign layers stay foreign.
absl::Status ConvertManifest(oci::Manifest& manifest, ManifestFormat format);

// The same of an index, but not of what it names.
void ConvertIndex(oci::Index& index, ManifestFormat format);

// Whether the layer is one that registries do not keep ("foreign", "nondistributable").
bool IsForeignLayer(const oci::Descriptor& layer);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_CONVERT_MANIFEST_H_
