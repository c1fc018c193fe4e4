// The build cache as an image, so that it can be pushed, saved and fetched as any other: its layers are those
// of the steps, and a label of its config says which step gave which of them.
#ifndef CORACLE_BUILD_CACHE_IMAGE_H_
#define CORACLE_BUILD_CACHE_IMAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/builder.h"
#include "oci/image_config.h"
#include "store/store.h"

namespace coracle::build {

// An image without a name of these steps. Errors: FailedPrecondition if there are none; NotFound if one of
// their layers is gone.
absl::StatusOr<StoredImage> StoreCacheImage(const store::Store& store, const std::vector<KeptStep>& steps);

// Whether an image with that config is nothing but a cache.
bool IsCacheImage(const oci::ImageConfig& config);

// The inline cache: an image that people use says in its config how its own layers came about. Steps of other
// layers are left out; what a base says of itself goes. With `epoch` every time is that.
void AddInlineCache(const std::vector<KeptStep>& steps, const std::vector<LayerRef>& layers,
                    std::optional<int64_t> epoch, oci::ImageConfig& config);
void DropInlineCache(oci::ImageConfig& config);

// Takes what an image with that config, which is in the store, says about steps into the cache; how many it
// told of. Errors: NotFound if it holds no cache; InvalidArgument if what it holds is none.
absl::StatusOr<int> TakeCacheImage(const store::Store& store, const oci::ImageConfig& config);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_CACHE_IMAGE_H_
