// Local archives that ADD unpacks.
#ifndef CORACLE_BUILD_ARCHIVE_FILE_H_
#define CORACLE_BUILD_ARCHIVE_FILE_H_

#include "absl/status/statusor.h"

namespace coracle::build {

// Whether `file` (at its beginning, left there) is a tar archive, plain or compressed with gzip, bzip2, xz or
// zstd, by its content. Errors: errno of the reading; Unimplemented if the host lacks the program for it.
absl::StatusOr<bool> IsArchive(int file);

// Unpacks `file` below `root`, a directory opened for reading. Errors: as archive::Unpack.
absl::Status UnpackArchive(int file, int root);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_ARCHIVE_FILE_H_
