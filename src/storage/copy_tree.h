// Copies a layer over a tree: the storage driver of last resort.
#ifndef CORACLE_STORAGE_COPY_TREE_H_
#define CORACLE_STORAGE_COPY_TREE_H_

#include <string>

#include "absl/status/status.h"

namespace coracle::storage {

// Applies the layer in the directory `from` to the tree at `to`, which is made if missing: whiteouts remove,
// opaque directories replace, all else is copied with owner, mode, times, extended attributes and hard links.
// File content is shared (FICLONE) where the file system can, else copied in the kernel; holes stay.
// `user_xattr`: overlay's marks are user.overlay.*. No link is ever followed. Errors: the errno of the step,
// naming the path.
absl::Status CopyLayer(const std::string& from, const std::string& to, bool user_xattr);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_COPY_TREE_H_
