// Layers and blobs that nothing refers to.
#ifndef CORACLE_IMAGE_GARBAGE_H_
#define CORACLE_IMAGE_GARBAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "image/staging.h"
#include "store/store.h"

namespace coracle::image {

struct Garbage {
  std::vector<std::string> layers, blobs;  // ids, hex digits
};

// Marks from images, containers, the build cache and live leases; what is left. If a record that could refer
// to something can't be read, nothing is garbage: its error is returned.
absl::StatusOr<Garbage> FindGarbage(const store::Store& store);

// Deletes garbage. Safe beside every other command: a victim is renamed out of sight, then marks are made
// once more, and what is referred to by now is put back. A creator writes its reference first and looks for
// the layer second (run: container record, then mount; import: lease claim, then publish), so either the
// second marking sees the reference, or the creator finds the layer missing and says so, or makes it anew.
// Works on a full disk. What interrupted pulls left goes too if it was not touched for `partial_age`.
absl::Status CollectGarbage(const store::Store& store, absl::Duration partial_age = kPartialAge);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_GARBAGE_H_
