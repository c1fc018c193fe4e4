// A layer made of changes.
#ifndef CORACLE_STORAGE_STAGE_DIFF_H_
#define CORACLE_STORAGE_STAGE_DIFF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/layer_store.h"
#include "storage/tree_diff.h"
#include "store/lease.h"

namespace coracle::storage {

// Copies what `changes` of `newer` add or modify to the lease's work directory, as the lower directory of a
// new layer, with overlay's whiteouts for what they delete. Nothing is digested yet: this is all that has to
// happen while a container is paused.
absl::Status StageChanges(const store::Lease& lease, const MergedTree& newer,
                          const std::vector<Change>& changes, bool user_xattr);

// Digests what StageChanges left, as the tar archive that archive::Pack makes of it, which is not kept: it
// can be made again, byte for byte, whenever it is wanted (layer_blob.h). While it reads, the tree is written
// to the disk.
absl::StatusOr<StagedLayer> DigestStaged(const store::Lease& lease, bool user_xattr);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_STAGE_DIFF_H_
