// Copies one file, link or node, or what is not content of a directory.
#ifndef CORACLE_STORAGE_COPY_NODE_H_
#define CORACLE_STORAGE_COPY_NODE_H_

#include <sys/stat.h>

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace coracle::storage {

// Remembers what it copied: another name of the same file becomes a hard link.
class NodeCopier {
 public:
  // `to_root`: the directory that the paths of CopyNode are relative to. It stays the caller's.
  explicit NodeCopier(int to_root) : to_root_(to_root) {}

  // `name` in the directory `from`, anything but a directory or socket, becomes `name` in `to`, which is the
  // directory of `path`; `info` is its lstat(2). Nothing may be there. Owner, mode, times and extended
  // attributes are copied, overlay's own excepted; content is shared (FICLONE) where the file system can,
  // else copied in the kernel; holes stay. A device that this user namespace may not make is left out.
  absl::Status CopyNode(int from, int to, const std::string& name, const std::string& path,
                        const struct stat& info);

 private:
  int to_root_;
  absl::flat_hash_map<std::pair<dev_t, ino_t>, std::string> copied_;
};

// Owner, mode, extended attributes (not overlay's own) and times of the directory or file `from` to `to`.
absl::Status CopyMetadata(int from, int to, const struct stat& info);

}  // namespace coracle::storage

#endif  // CORACLE_STORAGE_COPY_NODE_H_
