// pax extended headers: "LENGTH KEY=VALUE\n" records that amend the entries after them.
// Source: POSIX pax(1), "pax Extended Header"; GNU tar manual, "Storing Sparse Files"; star's and
// libarchive's xattr keywords.
#ifndef CORACLE_ARCHIVE_PAX_H_
#define CORACLE_ARCHIVE_PAX_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/tar_entry.h"

namespace coracle::archive {

// Keyword to value; the empty value takes the keyword back. The pairs of GNU.sparse.offset and
// GNU.sparse.numbytes (sparse format 0.0) are gathered into one GNU.sparse.map, the form of 0.1.
using PaxRecords = std::map<std::string, std::string>;

struct SparseExtent {
  int64_t offset = 0, length = 0;  // an area of data; what lies between areas is a hole
};

// Adds the records of one extended header's content. Errors: InvalidArgument.
absl::Status ParsePax(absl::string_view content, PaxRecords& records);

// Puts into `entry` what `records` say about path, linkpath, uid, gid, mtime, atime and xattrs.
// `stored_bytes` becomes the record "size", the bytes that the archive holds for the entry. Unknown keywords
// have no effect.
absl::Status ApplyPax(const PaxRecords& records, TarEntry& entry, int64_t& stored_bytes);

struct PaxSparse {
  enum class Format {
    kNone,         // not a sparse file
    kMapInHeader,  // 0.0 and 0.1
    kMapInData,    // 1.0: the map precedes the data
  } format = Format::kNone;
  int64_t real_size = 0;
  std::string path;  // replaces the entry's, if not empty
  std::vector<SparseExtent> map;
};
// What the records say about sparseness. Errors: InvalidArgument; Unimplemented for another format.
absl::StatusOr<PaxSparse> ReadPaxSparse(const PaxRecords& records);

// Refuses a map whose areas overlap, do not ascend, exceed `real_size`, or add up to other than
// `stored_bytes`.
absl::Status CheckSparseMap(const std::vector<SparseExtent>& map, int64_t real_size, int64_t stored_bytes);

// A decimal integer in [0, 2^63). Errors: InvalidArgument.
absl::StatusOr<int64_t> ParsePaxNumber(absl::string_view text);
// "[-]seconds[.fraction]". Errors: InvalidArgument.
absl::StatusOr<timespec> ParsePaxTime(absl::string_view text);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_PAX_H_
