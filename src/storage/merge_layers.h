// One directory in place of several layers.
#ifndef CORACLE_STORAGE_MERGE_LAYERS_H_
#define CORACLE_STORAGE_MERGE_LAYERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace coracle::storage {

// Makes `to` (which must not exist) a directory that shows what `layers` (top first, of the same file system)
// show when they are stacked. Files are hard links to the layers' own, which never change: no data is copied.
// One that has all the names its file system allows is copied. Errors: the errno of the step, naming the
// path; `to` is then half made.
absl::Status MergeLayers(const std::vector<std::string>& layers, const std::string& to, bool user_xattr);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_MERGE_LAYERS_H_
