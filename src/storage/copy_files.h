// Copies files and trees between directories that others may change meanwhile, as `cp` does.
#ifndef CORACLE_STORAGE_COPY_FILES_H_
#define CORACLE_STORAGE_COPY_FILES_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace coracle::storage {

struct CopyOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct CopyFilesOptions {
  // Of all that is made; without it the source's. Set-id bits are dropped with it.
  std::optional<CopyOwner> owner;
  // A directory may take the place of something else, and the other way round.
  bool overwrite = false;
};

// Copies what `node` (opened by O_PATH) is to `name` in the directory `to`: a directory with all that is in
// it, onto one that is there; anything else in place of what is there, or, if that is a mount point, into it.
// Times, modes and extended attributes come along, hard links do not. No link is ever followed, nothing but
// regular files is opened for reading, sockets are left out, devices too where they can't be made. What is
// mounted below is copied as well. Errors: FailedPrecondition if a directory would take the place of
// something else or the other way round; else the errno of the step, naming the path.
absl::Status CopyNode(int node, int to, const std::string& name, const CopyFilesOptions& options);

// All that is in `from` comes into `to`.
absl::Status CopyDirectoryContents(int from, int to, const CopyFilesOptions& options);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_COPY_FILES_H_
