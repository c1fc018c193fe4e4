// The tar archive of a layer, whether it is kept or not.
//
// A layer that came from elsewhere has its blob in the content store, as received. One that was made here
// (commit) has none: its directory packs into the same bytes again, whose digest is its name. So a commit
// writes its content once, and an archive is only made when something is pushed or saved.
#ifndef CORACLE_STORAGE_LAYER_BLOB_H_
#define CORACLE_STORAGE_LAYER_BLOB_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/pack.h"
#include "archive/stream.h"
#include "os/unique_fd.h"
#include "store/store.h"

namespace coracle::storage {

// For digests and sizes alone.
class NullSink : public archive::ByteSink {
 public:
  absl::Status Write(absl::string_view) override { return absl::OkStatus(); }
};

// The archive of a layer's directory. Its bytes depend on the tree alone; what this function writes for a
// tree may never change, since digests of layers are made by it.
absl::StatusOr<archive::PackResult> PackLayer(int diff_fd, archive::ByteSink& sink, bool user_xattr);

// Whether OpenBlob would find it. Cheap.
bool HasBlob(const store::Store& store, absl::string_view hex);

// A blob of the content store, for reading, at its start: the file blobs/sha256/<hex>, or, for a layer made
// here, an unnamed temporary file with its archive, checked against the digest. Any number of threads. The
// caller has claimed blob and layer in a lease (store/lease.h). Errors: NotFound; DataLoss if the layer's
// directory was changed.
absl::StatusOr<os::UniqueFd> OpenBlob(const store::Store& store, absl::string_view hex);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_LAYER_BLOB_H_
