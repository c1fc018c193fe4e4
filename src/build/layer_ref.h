// A layer of an image, as a build handles it.
#ifndef CORACLE_BUILD_LAYER_REF_H_
#define CORACLE_BUILD_LAYER_REF_H_

#include <cstdint>
#include <string>
#include <vector>

#include "oci/image_config.h"

namespace coracle::build {

struct LayerRef {
  std::string id;  // hex digits of its uncompressed tar: the store's name for it
  // As a manifest describes it: a base's blob as it was pulled, or the tar itself.
  std::string media_type, digest;  // digest: sha256:...
  int64_t size = 0;
  int64_t unpacked_bytes = 0;
};

// What a stage starts from: an image of the store.
struct BaseImage {
  std::string id;    // hex digits of its config; empty: scratch
  std::string name;  // full name with tag
  std::string manifest_digest;
  std::vector<LayerRef> layers;  // bottom first
  oci::ImageConfig config;
};

// Names the content of stacked layers, bottom first: the same chain is the same tree. As OCI's chain id.
std::string ChainId(const std::vector<LayerRef>& layers);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_LAYER_REF_H_
