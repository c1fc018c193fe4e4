// Writes a tar archive: ustar headers, with a pax header before those entries that need one. What is written
// depends on the entries alone, so equal trees give equal bytes.
#ifndef CORACLE_ARCHIVE_TAR_WRITER_H_
#define CORACLE_ARCHIVE_TAR_WRITER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "archive/stream.h"
#include "archive/tar_entry.h"

namespace coracle::archive {

class TarWriter {
 public:
  // `sink` must outlive the writer and is not finished by it.
  explicit TarWriter(ByteSink& sink) : sink_(sink) {}

  // Begins an entry. `path` and `link_target` are written as they are, a directory's with a slash at its end.
  // A file's `size` bytes must follow by WriteContent. Extended attributes are written as SCHILY.xattr
  // records. Errors: InvalidArgument for an empty path, a NUL byte, or a negative size; FailedPrecondition if
  // content of the entry before is missing; else the sink's.
  absl::Status WriteEntry(const TarEntry& entry);
  // Errors: FailedPrecondition if that is more than the entry's size; else the sink's.
  absl::Status WriteContent(absl::string_view data);
  // The end marker.
  absl::Status Finish();

 private:
  absl::Status Put(absl::string_view data);
  absl::Status PutPadding(int64_t size);
  absl::Status PutPaxHeader(const std::string& records, const TarEntry& entry);
  absl::Status EndContent();

  ByteSink& sink_;
  std::string buffer_;  // gathers headers and small files
  int64_t size_ = 0, remaining_ = 0;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_TAR_WRITER_H_
