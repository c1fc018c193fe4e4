// The content of one open file into another.
#ifndef CORACLE_STORAGE_COPY_CONTENT_H_
#define CORACLE_STORAGE_COPY_CONTENT_H_

#include "absl/status/status.h"

namespace coracle::storage {

// From where `source` stands to its end, whatever size it says it has: that of a file of proc is 0. Shared
// (FICLONE) where the file system can and `target` is empty, else copied in the kernel, else by reading and
// writing. Errors: errno of reading or writing. Source: ioctl_ficlone(2), copy_file_range(2).
absl::Status CopyContent(int source, int target);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_COPY_CONTENT_H_
