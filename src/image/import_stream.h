// Makes an image of one layer from a tar stream.
#ifndef CORACLE_IMAGE_IMPORT_STREAM_H_
#define CORACLE_IMAGE_IMPORT_STREAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "archive/stream.h"
#include "image/image_store.h"
#include "oci/image_config.h"

namespace coracle::image {

struct ImportSpec {
  ImportOptions options;
  int64_t created_unix_nanos = 0;
  std::string created_by;
};

// In one pass: the blob is kept as received while it is hashed, inflated, hashed and unpacked, all in a
// lease's work directory; then everything is synced at once, and renamed into place (blobs, layer, image,
// tag: each names only what is there before it). Two imports of one tar at once both succeed. Durable when it
// returns; on error, and after a kill, nothing is listed that was not before.
absl::StatusOr<std::string> ImportStream(const store::Store& store, archive::ByteSource& source,
                                         const ImportSpec& spec);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_IMPORT_STREAM_H_
