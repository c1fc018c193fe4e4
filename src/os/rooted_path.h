// A path inside a container's root. The root's content is hostile: its symbolic links lead where they like,
// and other processes may change it while it is walked.
//
// The path is a type of its own, so that it cannot slip into a call that would resolve it on the host: it can
// only be opened beneath an open root, by openat2(2) with RESOLVE_IN_ROOT. Nothing here allocates except
// Parse; results are a descriptor or -errno, so that it can be used between clone and exec.
#ifndef CORACLE_OS_ROOTED_PATH_H_
#define CORACLE_OS_ROOTED_PATH_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::os {

// Invariants: relative, clean ("a/b": no empty, "." or ".." component, no trailing slash), no NUL byte,
// shorter than PATH_MAX; "." is the root itself. ".." is resolved as text, as runc does for mount
// destinations.
class RootedPath {
 public:
  RootedPath() : path_(".") {}
  // Errors: InvalidArgument for a NUL byte or a path that is too long.
  static absl::StatusOr<RootedPath> Parse(absl::string_view path);

  bool is_root() const { return path_ == "."; }
  // "/a/b": for messages only.
  std::string Display() const { return is_root() ? "/" : "/" + path_; }
  // Whether this is `prefix` or below it, as text.
  bool IsBelow(absl::string_view prefix) const;

  enum class Links {
    kFollowInRoot,  // links are followed and stay in the root
    kRefuse,        // -ELOOP at the first link
  };
  // openat2(2) beneath `root_fd`.
  int Open(int root_fd, uint64_t flags, Links links, mode_t mode = 0) const;
  // As Open, relative to a directory that this path's first component names (the root of a mount at "/proc"
  // for
  // "/proc/kcore"): what is opened is on that very mount. `skip` is the length of the prefix, "proc/".
  int OpenBelow(int mount_fd, size_t skip, uint64_t flags) const;

  enum class Kind { kDirectory, kFile };
  // Opens the target of a mount (O_PATH), creating it and its parents where missing: directories 0755, a file
  // 0644, owned by the caller. Links are followed inside the root, also those that lead to what does not
  // exist yet.
  int OpenOrCreate(int root_fd, Kind kind) const;

 private:
  explicit RootedPath(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace coracle::os

#endif  // CORACLE_OS_ROOTED_PATH_H_
