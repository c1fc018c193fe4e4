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

// Owner and mode that new files get by themselves, where that is known: nothing has to be set then.
class NewFileDefaults {
 public:
  // Nothing is known.
  NewFileDefaults() = default;
  // Below `root_fd`, a directory of ours that is empty: unless a default ACL, a set-group-id bit or another
  // group of it says otherwise, modes less the umask, and our own ids.
  static NewFileDefaults Of(int root_fd);

  bool known() const { return known_; }
  bool GivesMode(mode_t mode) const { return known_ && (mode & (07000 | umask_)) == 0; }
  bool GivesOwner(uid_t uid, gid_t gid) const { return known_ && uid == uid_ && gid == gid_; }

 private:
  bool known_ = false;
  mode_t umask_ = 0;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
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
