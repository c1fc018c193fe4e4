// Owner, extended attributes, mode and times of what was unpacked.
#ifndef CORACLE_ARCHIVE_UNPACK_METADATA_H_
#define CORACLE_ARCHIVE_UNPACK_METADATA_H_

#include <string>

#include "absl/status/status.h"
#include "archive/tar_entry.h"
#include "archive/unpack.h"

namespace coracle::archive {

// What was just made: by descriptor where there is one, else by name in its directory, never followed.
struct NewNode {
  int fd = -1;  // file or directory, opened for writing or reading
  int parent_fd = -1;
  const char* name = nullptr;
};

// In this order, since each step undoes part of the ones after it: chown(2) clears setid bits and
// security.capability, chmod(2) and setxattr(2) change no times but ctime.
absl::Status SetOwner(const NewNode& node, const TarEntry& entry, const UnpackOptions& options,
                      UnpackResult& result);
absl::Status SetXattrs(const NewNode& node, const TarEntry& entry, UnpackResult& result);
absl::Status SetMode(const NewNode& node, mode_t mode);  // not for symlinks
absl::Status SetTimes(const NewNode& node, const TarEntry& entry);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_UNPACK_METADATA_H_
