// Whiteouts: how a layer says that something of the layers below is gone, and how overlayfs says it.
// Source: OCI image-spec layer.md, "Whiteouts"; Documentation/filesystems/overlayfs.rst, "whiteouts and
// opaque directories".
#ifndef CORACLE_ARCHIVE_WHITEOUT_H_
#define CORACLE_ARCHIVE_WHITEOUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::archive {

inline constexpr absl::string_view kWhiteoutPrefix = ".wh.";
inline constexpr absl::string_view kOpaqueMarker = ".wh..wh..opq";
// AUFS's own files, which say nothing to anybody else; the opaque marker is the exception.
inline constexpr absl::string_view kAufsMetaPrefix = ".wh..wh.";

// Makes whiteouts in overlay's form. With `user_xattr` marks are user.overlay.*, which an overlay mounted in
// a user namespace reads, else trusted.overlay.*.
class OverlayMarks {
 public:
  explicit OverlayMarks(bool user_xattr) : prefix_(user_xattr ? "user.overlay." : "trusted.overlay.") {}

  // A whiteout of `name` in the directory: a character device 0/0, which needs no privilege; where the file
  // system refuses that, an empty file with the mark "whiteout" in a directory marked to contain such
  // (Linux 6.7).
  absl::Status MakeWhiteout(int parent_fd, const std::string& name) const;
  // Hides all that layers below have in the directory. `dir_fd` may be opened with O_PATH.
  absl::Status MarkOpaque(int dir_fd) const;
  bool IsWhiteout(int parent_fd, const std::string& name) const;
  // Whether MarkOpaque was called on the directory, opened for reading.
  bool IsOpaque(int dir_fd) const;

 private:
  absl::Status MakeXattrWhiteout(int parent_fd, const std::string& name) const;

  std::string prefix_;
};

// Whether `name` is an extended attribute that overlay gives meaning to. From an archive it could redirect a
// directory to another place in the layers below, so it is never set.
bool IsOverlayXattr(absl::string_view name);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_WHITEOUT_H_
