// The store as the place that images are copied from: push and save.
#ifndef CORACLE_IMAGE_STORE_SOURCE_H_
#define CORACLE_IMAGE_STORE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "image/transport.h"
#include "oci/platform.h"
#include "store/store.h"

namespace coracle::image {

// An image of the store, by name or id. Its manifest is, bit for bit, the one that the name was pulled with.
// What it needs is held against removal for as long as it lives.
class StoreSource : public ImageSource {
 public:
  // Errors: as Find (image_store.h); NotFound naming a blob that is not in the store.
  static absl::StatusOr<std::unique_ptr<StoreSource>> Create(const store::Store& store,
                                                             absl::string_view reference);
  virtual const store::ImageRecord& record() const = 0;
  // The full name it was found by; empty if by id.
  virtual const std::string& found_name() const = 0;
  // Errors: NotFound, naming both, if the image is for another platform than `wanted`.
  virtual absl::Status CheckPlatform(const oci::Platform& wanted) const = 0;
};

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_STORE_SOURCE_H_
