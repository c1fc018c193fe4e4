// From layers and a config to an image of the store.
#ifndef CORACLE_BUILD_BUILT_IMAGE_H_
#define CORACLE_BUILD_BUILT_IMAGE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/layer_ref.h"
#include "oci/image_config.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::build {

struct BuiltImage {
  std::vector<LayerRef> layers;  // bottom first, claimed and in the store
  oci::ImageConfig config;       // without diff ids
  std::map<std::string, std::string> annotations;
  bool docker_format = false;
  std::vector<std::string> tags;  // full names
};

struct StoredImage {
  std::string id;  // hex
  std::string manifest_digest;
  std::string manifest_media_type;
  int64_t manifest_size = 0;
};

// All or nothing; durable when it returns. Names that other images have move. Errors: of the steps.
absl::StatusOr<StoredImage> StoreBuiltImage(const store::Store& store, store::Lease& lease, BuiltImage image);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_BUILT_IMAGE_H_
