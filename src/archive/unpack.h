// Unpacks a tar archive below a directory. The archive is hostile input; nothing outside the directory is
// read, made, changed or removed, whatever the archive says.
//
// - A parent directory is resolved with the root directory as "/" (openat2, RESOLVE_IN_ROOT): lib/x below a
// link
//   lib -> usr/lib lands in usr/lib, a link to /etc or ../../etc means the root directory's own etc.
// - The last component is never followed: what is there is replaced, except a directory by a directory.
// - Files are always created, never opened: nothing is written through a link, device or fifo.
#ifndef CORACLE_ARCHIVE_UNPACK_H_
#define CORACLE_ARCHIVE_UNPACK_H_

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "archive/stream.h"

namespace coracle::archive {

enum class Whiteouts {
  kNone,     // .wh.* are ordinary names: an archive that is no layer
  kOverlay,  // become overlay's whiteouts and opaque directories
};

struct UnpackOptions {
  Whiteouts whiteouts = Whiteouts::kNone;
  bool user_xattr = false;    // overlay's marks are user.overlay.* (see OverlayMarks)
  bool squash_ids = false;    // owners that cannot be set stay ours: a user namespace with a single id
  bool skip_devices = false;  // devices that may not be made are left out: any user namespace
  bool sync = false;          // syncfs(2) at the end
  int64_t max_bytes = std::numeric_limits<int64_t>::max();  // content written
  int64_t max_entries = 16 << 20;
  std::optional<std::pair<uid_t, gid_t>> owner;  // of all that is made, instead of the archive's
  bool keep_kinds =
      false;  // FailedPrecondition where a directory would take a file's place or a file a directory's
  bool keep_root = false;  // an entry of the root itself changes nothing
};

struct UnpackResult {
  int64_t entries = 0;          // of all types, whiteouts too
  int64_t files = 0;            // regular files, without hard links
  int64_t bytes = 0;            // content written; holes do not count
  int64_t whiteouts = 0;        // and opaque marks
  int64_t skipped_devices = 0;  // see skip_devices
  int64_t ignored_owners = 0;   // see squash_ids
  int64_t skipped_xattrs =
      0;  // not permitted here, not supported by the file system, or overlay's and SELinux's own
  bool has_end_marker = true;  // false: the stream ended where a header would stand, maybe a cut archive
};

// Unpacks `source` (decompressed; read to its end) below `root_fd`, a directory opened for reading, which
// stays the caller's. Missing parents are made, mode 0755. Of several entries with one path the last wins.
// Sparse files are written with holes. Times, owners, modes and extended attributes are set; directories'
// last.
//
// Errors: InvalidArgument for a malformed archive, a path or link target with "..", or one that is the root
// itself; DataLoss for a truncated one; ResourceExhausted past a limit; else the errno of the step. On error
// what was unpacked so far stays: the caller removes the directory.
absl::StatusOr<UnpackResult> Unpack(ByteSource& source, int root_fd, const UnpackOptions& options);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_UNPACK_H_
