// The directories that entries of an archive lie in: opened, made where missing, kept open along a path.
#ifndef CORACLE_ARCHIVE_PARENT_DIRS_H_
#define CORACLE_ARCHIVE_PARENT_DIRS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::archive {

// Consecutive entries share most of their path, so each component is looked up once, below its parent's
// descriptor. A component that is a link is resolved with the root directory as "/" (openat2,
// RESOLVE_IN_ROOT), as a path with it would be.
class ParentDirs {
 public:
  // `root_fd` stays the caller's. `chmod_made`: the umask, or an ACL, may take from the mode of what is made.
  ParentDirs(int root_fd, bool chmod_made) : root_fd_(root_fd), chmod_made_(chmod_made) {}

  // The directory `path` ("a/b", clean; empty: the root), made where missing, mode 0755. Valid until the next
  // call. Errors: the errno of the step.
  absl::StatusOr<int> Open(absl::string_view path);

  // A component of the path may have been replaced. What Open() gave last stays open until the next call.
  void Forget() { valid_ = false; }

  // Directories that were given to another group: what is made in them may inherit it (mount option
  // bsdgroups).
  void NoteForeignGroup(absl::string_view path) { foreign_groups_.emplace(path); }
  // Whether that can be so for what Open() gave last.
  bool foreign_group() const {
    return levels_.empty() ? foreign_groups_.contains("") : levels_.back().foreign_group;
  }

  // From now on: see the constructor.
  void ChmodMade() { chmod_made_ = true; }

 private:
  struct Level {
    std::string name;
    os::UniqueFd fd;
    bool through_link;  // here or above
    bool foreign_group;
  };
  absl::StatusOr<os::UniqueFd> OpenOne(int above, absl::string_view prefix, const std::string& name,
                                       bool& through_link);
  size_t Shared(absl::string_view path) const;

  const int root_fd_;
  bool chmod_made_;
  bool valid_ = true;
  std::vector<Level> levels_;
  absl::flat_hash_set<std::string> foreign_groups_;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_PARENT_DIRS_H_
