// Reads a tar archive from a stream: v7, ustar, GNU, star and pax. The archive is hostile input: every number
// is checked, every length limited (tar_entry.h), and nothing is opened or created here.
#ifndef CORACLE_ARCHIVE_TAR_READER_H_
#define CORACLE_ARCHIVE_TAR_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "archive/pax.h"
#include "archive/stream.h"
#include "archive/tar_entry.h"
#include "archive/tar_header.h"

namespace coracle::archive {

// A stretch of a file's content. Valid until the next call on the reader.
struct TarPiece {
  int64_t offset = 0;      // in the file; what is skipped is a hole
  absl::string_view data;  // empty: no more
};

class TarReader {
 public:
  // `source`, already decompressed, must outlive the reader.
  explicit TarReader(ByteSource& source);

  // The next entry; false at the end of the archive, which is two blocks of zeros or, as GNU tar has it, the
  // end of the stream where a header would stand. Content that was not read is skipped. Errors:
  // InvalidArgument for malformed or excessive headers, DataLoss for a truncated archive, Unimplemented for
  // types of entry that no image has (multi-volume archives), else the source's. After an error the reader is
  // done.
  absl::StatusOr<bool> Next(TarEntry& entry);

  // The next stretch of the current entry's content, in ascending order.
  absl::StatusOr<TarPiece> ReadPiece();

  // Reads what follows the archive's end, so that digests of the stream cover all of it.
  absl::Status DrainSource();

  // Directly after Next() returned true: where the entry's stored content begins, counted from the start of
  // the source.
  int64_t content_position() const { return position_; }

  // After Next() returned false: whether the archive ended with its two blocks of zeros.
  bool has_end_marker() const { return has_end_marker_; }

 private:
  struct Pending {  // what extension headers said about the next entry
    std::string gnu_path, gnu_link;
    PaxRecords pax;
    bool any = false;
  };

  absl::StatusOr<bool> NextEntry(TarEntry& entry);
  absl::StatusOr<bool> ReadHeader(RawTarHeader& header);
  absl::Status ReadExtension(const RawTarHeader& header, Pending& pending);
  absl::StatusOr<std::string> ReadExtensionBody(int64_t size);
  absl::Status FillEntry(const RawTarHeader& header, const Pending& pending, TarEntry& entry);
  absl::Status SetUpContent(const RawTarHeader& header, const PaxRecords& pax, int64_t stored,
                            TarEntry& entry);
  absl::Status ReadOldSparseMap(const RawTarHeader& header, TarEntry& entry);
  absl::Status ReadSparseMapInData();
  absl::Status SkipContent();

  // Makes at least `count` (at most the buffer) bytes available; fewer only at the end of the source.
  absl::Status Buffer(size_t count);
  absl::string_view buffered() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void Consume(size_t count);
  // One block of the current entry's content.
  absl::StatusOr<absl::string_view> ContentBlock();
  absl::Status Truncated() const;

  ByteSource& source_;
  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0, end_ = 0;
  int64_t position_ = 0;   // in the archive, for messages
  int64_t remaining_ = 0;  // stored content not yet read
  int64_t padding_ = 0;    // after it
  PaxRecords global_pax_;
  bool sparse_ = false;
  std::vector<SparseExtent> map_;
  size_t extent_ = 0;          // the area of map_ that is being read
  int64_t extent_offset_ = 0;  // within it; without a map, the offset in the file
  bool has_end_marker_ = false;
  bool any_header_ = false;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_TAR_READER_H_
