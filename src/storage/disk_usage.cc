#include "storage/disk_usage.h"

#include <fts.h>
#include <sys/stat.h>

#include <cerrno>

#include "absl/container/flat_hash_set.h"
#include "base/status.h"

namespace coracle::storage {

absl::StatusOr<int64_t> TreeBytes(const std::string& path) {
  std::string root = path;
  char* roots[] = {root.data(), nullptr};
  // FTS_NOCHDIR: the working directory is the whole process's.
  FTS* tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr);
  if (tree == nullptr) return ErrnoStatus(errno, absl::StrCat("read ", path));
  int64_t bytes = 0;
  absl::flat_hash_set<ino_t> seen;  // of files with several names
  while (const FTSENT* entry = fts_read(tree)) {
    if (entry->fts_info != FTS_F || !S_ISREG(entry->fts_statp->st_mode)) continue;
    if (entry->fts_statp->st_nlink > 1 && !seen.insert(entry->fts_statp->st_ino).second) continue;
    bytes += entry->fts_statp->st_size;
  }
  fts_close(tree);
  return bytes;
}

absl::StatusOr<int64_t> ContainerBytes(const store::Store& store, absl::string_view id) {
  const std::string dir = store.ContainerDir(id);
  const std::string copy = absl::StrCat(dir, "/root");
  return TreeBytes(os::ExistsAt(AT_FDCWD, copy) ? copy : absl::StrCat(dir, "/upper"));
}

}  // namespace coracle::storage
