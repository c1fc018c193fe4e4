// Whether two directory trees are the same.
#ifndef CORACLE_STORAGE_COMPARE_TREES_H_
#define CORACLE_STORAGE_COMPARE_TREES_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace coracle::storage {

// The first difference between what lies below the directories `a` and `b`, as people read it ("usr/bin/x:
// content"); nothing if there is none. Compared are names, types, modes, owners, sizes, modification times
// (not of directories), device numbers, link targets, extended attributes, content, and which names are one
// file; not access times. Links are not followed. Errors: the errno of the step, for `b`, which
// is the one that is trusted; what can't be read of `a` is a difference.
absl::StatusOr<std::optional<std::string>> CompareTrees(int a, int b);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_COMPARE_TREES_H_
