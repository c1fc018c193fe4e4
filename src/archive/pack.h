// Packs a directory tree into a tar archive, deterministically: names sorted by their bytes, numeric owners.
#ifndef CORACLE_ARCHIVE_PACK_H_
#define CORACLE_ARCHIVE_PACK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "archive/stream.h"
#include "archive/unpack.h"

namespace coracle::archive {

struct PackOptions {
  bool root_entry = false;       // an entry "./" for the root itself
  bool subsecond_times = false;  // else times are cut to the second, and most entries need no pax header
  bool xattrs = true;            // all but overlay's own and SELinux labels
  // kOverlay: a whiteout becomes .wh.NAME, an opaque directory gets .wh..wh..opq: the tree is the upper
  // directory of an overlay. kNone: a whiteout is a device like any other.
  Whiteouts whiteouts = Whiteouts::kNone;
  bool user_xattr = false;    // overlay's marks are user.overlay.*
  std::string prefix;         // "name": every path stands below it, and the root's entry is "name/"
  bool cross_mounts = false;  // what is mounted below is packed too
};

struct PackResult {
  int64_t entries = 0;
  int64_t bytes = 0;            // content
  int64_t skipped_sockets = 0;  // tar has no sockets
  int64_t changed_files = 0;    // shrank while they were read and were filled up with zeros
};

// Writes everything below `root_fd`, a directory opened for reading, into `sink`, as uncompressed tar with
// its end marker; finishing the sink is the caller's. Links are never followed; what is mounted below is left
// out, only its mount point is packed. Only regular files are ever opened for reading, even if the tree
// changes meanwhile. A file with several names is packed once, and as hard links after that. Errors: the
// errno of the step, naming the path; InvalidArgument for a path beyond kMaxTarPathBytes; the sink's.
absl::StatusOr<PackResult> Pack(int root_fd, ByteSink& sink, const PackOptions& options);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_PACK_H_
