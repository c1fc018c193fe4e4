// The pipeline of one layer: compressed bytes, their digest, inflating, the digest of the content, unpacking.
#ifndef CORACLE_ARCHIVE_UNPACK_LAYER_H_
#define CORACLE_ARCHIVE_UNPACK_LAYER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "archive/decompress.h"
#include "archive/stream.h"
#include "archive/unpack.h"

namespace coracle::archive {

struct UnpackedLayer {
  UnpackResult tree;
  Compression compression = Compression::kNone;
  std::string blob_sha256;  // 64 hexadecimal digits: the bytes as received
  int64_t blob_bytes = 0;
  std::string content_sha256;  // of the tar archive itself, the layer's diff id
  int64_t content_bytes = 0;
};

// Unpacks `blob`, compressed or not, below `root_fd` in one pass. Reads `blob` in a second thread while it
// runs (read_ahead.h); none is left when it returns. To keep the blob as well, pass a TeeSource. The caller
// compares digests with what was promised before it uses the tree. Errors: as of Decompressor and Unpack.
absl::StatusOr<UnpackedLayer> UnpackLayer(ByteSource& blob, int root_fd, const UnpackOptions& options,
                                          const DecompressLimits& limits = {});

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_UNPACK_LAYER_H_
