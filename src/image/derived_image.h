// An image made here: another one's layers, if any, with a new layer over them.
#ifndef CORACLE_IMAGE_DERIVED_IMAGE_H_
#define CORACLE_IMAGE_DERIVED_IMAGE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "oci/image_config.h"
#include "storage/layer_store.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::image {

struct DerivedSpec {
  std::string base_id;        // hex; empty: the new layer is the only one
  oci::ImageConfig config;    // with the base's diff ids and history; the new layer's are added here
  oci::HistoryEntry history;  // of the new layer
  bool docker_format = false;
  std::string tag;  // full name; empty: none. Another image's name moves to this one
};

// The full name that `reference` asks a new image to have; empty stays empty. Errors: InvalidArgument.
absl::StatusOr<std::string> NewImageName(absl::string_view reference);

// Claims what is below, stores layer, documents, image and tag, each after what it names, and syncs. The
// layer's blob is not stored (storage/layer_blob.h). All or nothing; durable when it returns. The image id.
// Errors: NotFound if the base is gone.
absl::StatusOr<std::string> StoreDerivedImage(const store::Store& store, store::Lease& lease,
                                              const storage::StagedLayer& layer, DerivedSpec spec);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_DERIVED_IMAGE_H_
