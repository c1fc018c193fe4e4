// The compression formats of layers and archives, told apart by their first bytes.
#ifndef CORACLE_ARCHIVE_COMPRESSION_H_
#define CORACLE_ARCHIVE_COMPRESSION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::archive {

enum class Compression { kNone, kGzip, kZstd };

// As many first bytes as DetectCompression looks at.
inline constexpr size_t kMagicBytes = 10;

// The format of a stream that starts with `head` (kMagicBytes, fewer if the stream is shorter); kNone for
// anything that is not known to be compressed. Errors: Unimplemented, naming the format, for xz, bzip2, lzip,
// lz4, compress and zip. Source: RFC 1952, RFC 8878; file(1)'s magic for the others.
absl::StatusOr<Compression> DetectCompression(absl::string_view head);

// "none", "gzip", "zstd".
absl::string_view CompressionName(Compression compression);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_COMPRESSION_H_
