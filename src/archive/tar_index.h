// The members of a tar archive by their names, so that each is read on its own, in any order.
//
// For archives that are a container of documents and blobs (image archives), never for trees: nothing is
// unpacked, names are only compared. They are hostile all the same, because they reach messages and are
// joined with each other where links are followed.
#ifndef CORACLE_ARCHIVE_TAR_INDEX_H_
#define CORACLE_ARCHIVE_TAR_INDEX_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/stream.h"
#include "os/unique_fd.h"

namespace coracle::archive {

inline constexpr size_t kMaxIndexEntries = 1 << 18;
inline constexpr size_t kMaxIndexNameBytes = 32 << 20;  // of all names and link targets
inline constexpr int kMaxIndexLinks = 8;                // followed one after the other

// Invariants: every name is relative, of plain components (no "..", no empty one) without control characters;
// every file lies whole within the archive.
class TarIndex {
 public:
  // Reads the headers of the archive in `file`, from its position on. A regular file that is not compressed
  // is used where it is; of all else (pipes, gzip, zstd) the plain archive is first written to a file without
  // a name in `spool_dir`, which must leave 64 MiB of the file system free.
  //
  // Errors: InvalidArgument for what is no tar archive, for names as above, devices, sparse files, and a
  // name that two files have (except below blobs/, where the digest decides); DataLoss if truncated;
  // ResourceExhausted past a limit; Unimplemented for other compressions; else the errno of the step.
  static absl::StatusOr<TarIndex> Open(os::UniqueFd file, const std::string& spool_dir);

  // Whether there is a file of that name, or a link that leads to one.
  bool Has(absl::string_view name) const { return Find(name).ok(); }
  // Whether any name begins with `prefix`.
  bool HasBelow(absl::string_view prefix) const;
  std::vector<std::string> Names() const;

  // Errors: NotFound naming the member; InvalidArgument for a link that leads out of the archive or in
  // circles.
  absl::StatusOr<int64_t> SizeOf(absl::string_view name) const;
  // The member's bytes from `offset` on. The stream does not need the index any more.
  absl::StatusOr<std::unique_ptr<ByteSource>> OpenMember(absl::string_view name, int64_t offset = 0) const;
  // All of them. Errors: ResourceExhausted for more than `max_bytes`.
  absl::StatusOr<std::string> ReadMember(absl::string_view name, size_t max_bytes) const;

  // Of the archive as it was given.
  bool spooled() const { return spooled_; }

 private:
  struct Member {
    int64_t offset = 0, size = 0;
    std::string link;  // name of another member; empty: a file
  };
  absl::Status ReadHeaders(int64_t start);
  absl::StatusOr<const Member*> Find(absl::string_view name) const;

  std::shared_ptr<const os::UniqueFd> file_;
  bool spooled_ = false;
  std::map<std::string, Member, std::less<>> members_;
};

// `path` with "./", doubled and trailing slashes gone; empty for the root itself. Errors: InvalidArgument for
// a path that is absolute, has ".." or a control character.
absl::StatusOr<std::string> PlainMemberName(absl::string_view path);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_TAR_INDEX_H_
