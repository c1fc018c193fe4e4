#include "archive/unpack_layer.h"

#include "archive/read_ahead.h"
#include "base/status.h"

namespace coracle::archive {

absl::StatusOr<UnpackedLayer> UnpackLayer(ByteSource& blob, int root_fd, const UnpackOptions& options,
                                          const DecompressLimits& limits) {
  UnpackedLayer layer;
  HashingSource hashed_blob(blob);
  ASSIGN_OR_RETURN(std::unique_ptr<Decompressor> inflated, Decompressor::Open(hashed_blob, limits));
  layer.compression = inflated->compression();
  {
    // Inflating takes as long as digesting and writing together: one thread for each.
    ReadAheadSource ahead(*inflated);
    if (layer.compression == Compression::kNone) {
      ASSIGN_OR_RETURN(layer.tree, Unpack(ahead, root_fd, options));
    } else {
      HashingSource content(ahead);
      ASSIGN_OR_RETURN(layer.tree, Unpack(content, root_fd, options));
      layer.content_sha256 = content.HexDigest();
      layer.content_bytes = content.bytes();
    }
  }
  layer.blob_sha256 = hashed_blob.HexDigest();
  layer.blob_bytes = hashed_blob.bytes();
  if (layer.compression == Compression::kNone) {
    // The same bytes: digested once, in the thread that reads.
    layer.content_sha256 = layer.blob_sha256;
    layer.content_bytes = layer.blob_bytes;
  }
  return layer;
}

}  // namespace coracle::archive
