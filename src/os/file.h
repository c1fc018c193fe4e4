// Files and directories: thin typed wrappers. Every descriptor is close-on-exec from birth; EINTR is retried.
// `dirfd` is AT_FDCWD or an open directory; paths are relative to it. A path with a NUL byte is
// InvalidArgument. Errors carry errno (base/status.h) and name the operation and the path.
#ifndef CORACLE_OS_FILE_H_
#define CORACLE_OS_FILE_H_

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"

namespace coracle::os {

// openat(2) with O_CLOEXEC added.
absl::StatusOr<UniqueFd> OpenAt(int dirfd, absl::string_view path, int flags, mode_t mode = 0);

// openat2(2). `resolve` is RESOLVE_IN_ROOT for paths inside a container's root, RESOLVE_BENEATH for paths
// that must not leave `dirfd`; RESOLVE_NO_MAGICLINKS is always added.
absl::StatusOr<UniqueFd> OpenBeneath(int dirfd, absl::string_view path, int flags, uint64_t resolve,
                                     mode_t mode = 0);

// The whole file, at most `max_bytes`. Errors: ResourceExhausted if it is longer; else as open(2) and
// read(2).
absl::StatusOr<std::string> ReadFileAt(int dirfd, absl::string_view path, size_t max_bytes = 64 << 20);
absl::StatusOr<std::string> ReadAll(int fd, size_t max_bytes = 64 << 20);
// Writes all of `data`.
absl::Status WriteAll(int fd, absl::string_view data);

// Creates or truncates `path` with `data`. Not atomic: for files of /proc, /sys and our own temporary ones.
absl::Status WriteFileAt(int dirfd, absl::string_view path, absl::string_view data, mode_t mode = 0644);
// One write(2) to an existing file, as control files of /proc and cgroups want.
absl::Status WriteControlFileAt(int dirfd, absl::string_view path, absl::string_view data);

enum class Durability {
  kVolatile,  // no sync: for run-time state that a reboot may lose
  kDurable,   // file synced before the rename, directory after
};
// Replaces `path` whole: temporary file beside it, rename. Readers see the old or the new. On error nothing
// is left.
absl::Status ReplaceFileAt(int dirfd, absl::string_view path, absl::string_view data, Durability durability,
                           mode_t mode = 0600);

// mkdir(2); an existing directory is fine. MakeDirectories makes parents too (mode for those it makes).
absl::Status MakeDirectoryAt(int dirfd, absl::string_view path, mode_t mode);
absl::Status MakeDirectories(absl::string_view path, mode_t mode);

// Removes a file or a whole tree, without following links and without crossing into another mount. Missing is
// fine, also when others remove the same meanwhile. Goes on after an error and returns the first.
absl::Status RemoveTreeAt(int dirfd, absl::string_view path);

// Names in a directory without "." and "..", unsorted.
absl::StatusOr<std::vector<std::string>> ListDirectoryAt(int dirfd, absl::string_view path);

bool ExistsAt(int dirfd, absl::string_view path);
absl::StatusOr<std::string> ReadLinkAt(int dirfd, absl::string_view path);

}  // namespace coracle::os

#endif  // CORACLE_OS_FILE_H_
