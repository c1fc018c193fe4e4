// What differs between two trees of stacked directories.
//
// Directories that both trees end with (a container and its image, an image and its parent) are not walked:
// only names that the others have are looked at.
#ifndef CORACLE_STORAGE_TREE_DIFF_H_
#define CORACLE_STORAGE_TREE_DIFF_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/merged_tree.h"

namespace coracle::storage {

enum class ChangeKind : char { kModified = 'C', kAdded = 'A', kDeleted = 'D' };

struct Change {
  ChangeKind kind = ChangeKind::kModified;
  std::string path;  // relative: "etc/passwd"
  size_t layer = 0;  // of the new tree, that has it; not of what is deleted
  bool is_directory = false;
  bool hides = false;  // a directory that hides all that the old tree has there: what is `below` too
  bool below = false;  // deleted by being in such a directory
};

// The changes from `older` to `newer`, each directory before what is in it, names in byte order. A directory
// counts as modified if something in it changed, too; nothing is said of what lay in a deleted one.
//
// What a layer of `newer` alone has counts as modified even if it looks the same; without common layers,
// files are the same if type, mode, owner, size, time of modification, target and extended attributes are.
// The root is path "": there only if it differs itself. `skip`: paths that are left out, with all below.
absl::StatusOr<std::vector<Change>> DiffTrees(const MergedTree& newer, const MergedTree& older,
                                              const std::function<bool(const std::string&)>& skip = nullptr);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_TREE_DIFF_H_
