// Layers: one directory each, unpacked on its own, named by the digest of its uncompressed tar.
//
// layers/<id>/ appears by one rename when all of it is there, and is never changed afterwards. Deletion
// renames it into a lease's work directory first. Why nothing that is in use can be deleted: store/lease.h,
// for creators of images; containers name their layers in their record before they use them.
#ifndef CORACLE_STORAGE_LAYER_STORE_H_
#define CORACLE_STORAGE_LAYER_STORE_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "archive/stream.h"
#include "archive/unpack_layer.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::storage {

// <root>/layers/<id>/diff: a lower directory.
std::string LayerDiffDir(const store::Store& store, absl::string_view id);

struct StagedLayer {
  store::LayerRecord record;  // id, sizes, blob_digest
  archive::UnpackedLayer info;
  std::string path;  // <work_dir>/<name>: record and diff/
};

struct StageOptions {
  bool single_id = false;      // owners that cannot be set are squashed
  std::string name = "layer";  // in the work directory: several layers may be staged at once
  // Of the uncompressed tar, and of what is written.
  int64_t max_bytes = std::numeric_limits<int64_t>::max();
};
// Unpacks `blob` below the lease's work directory, in one pass. Errors: as archive::UnpackLayer; what was
// written goes with the lease.
absl::StatusOr<StagedLayer> StageLayer(const store::Lease& lease, archive::ByteSource& blob,
                                       const StageOptions& options);
absl::StatusOr<StagedLayer> StageLayer(const store::Lease& lease, archive::ByteSource& blob, bool single_id);

// Makes the staged layer part of the store, or, if the store has it already, leaves it where it is. The lease
// must have claimed the layer. Not synced.
absl::Status PublishLayer(const store::Store& store, const StagedLayer& layer);

absl::StatusOr<store::LayerRecord> ReadLayer(const store::Store& store, absl::string_view id);

// Ids of all layers.
absl::StatusOr<std::vector<std::string>> ListLayers(const store::Store& store);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_LAYER_STORE_H_
