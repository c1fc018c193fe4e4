// One member of a tar archive, as the reader gives it and the writer takes it.
#ifndef CORACLE_ARCHIVE_TAR_ENTRY_H_
#define CORACLE_ARCHIVE_TAR_ENTRY_H_

#include <sys/types.h>
#include <time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace coracle::archive {

// Limits of what is read, against hostile archives.
inline constexpr int64_t kMaxExtensionBytes = 1 << 20;   // one pax or GNU long-name header
inline constexpr size_t kMaxTarPathBytes = 4095;         // PATH_MAX - 1
inline constexpr size_t kMaxXattrNameBytes = 255;        // XATTR_NAME_MAX
inline constexpr size_t kMaxXattrValueBytes = 64 << 10;  // XATTR_SIZE_MAX
inline constexpr size_t kMaxSparseExtents = 1 << 20;     // data areas of one sparse file

enum class EntryType { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

struct TarEntry {
  std::string path;  // as the archive has it: maybe absolute, with "..", "./" or a trailing slash; no NUL
  EntryType type = EntryType::kFile;
  std::string link_target;  // of a symlink, or the path of the entry that a hard link repeats; no NUL
  mode_t mode = 0;          // permission and setid bits only
  uid_t uid = 0;
  gid_t gid = 0;
  int64_t size = 0;  // bytes of content, holes included; 0 for all but files
  bool sparse = false;
  timespec mtime = {};
  std::optional<timespec> atime;
  unsigned dev_major = 0, dev_minor = 0;
  std::map<std::string, std::string> xattrs;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_TAR_ENTRY_H_
