// Decompression of a stream, with the format found out from its first bytes.
#ifndef CORACLE_ARCHIVE_DECOMPRESS_H_
#define CORACLE_ARCHIVE_DECOMPRESS_H_

#include <cstdint>
#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "archive/compression.h"
#include "archive/stream.h"

namespace coracle::archive {

struct DecompressLimits {
  int64_t max_output_bytes = std::numeric_limits<int64_t>::max();  // against decompression bombs
};

// A source of the decompressed bytes of another.
// - gzip: several members follow each other as one stream; zero bytes after the last are ignored, as gzip(1)
// does.
// - zstd: several frames, skippable ones among them; windows up to 128 MiB (ZSTD_WINDOWLOG_LIMIT_DEFAULT).
// - anything else passes unchanged.
// Read's errors: DataLoss for corrupt or truncated input, ResourceExhausted past the limit, else the input's
// own.
class Decompressor : public ByteSource {
 public:
  // Reads the first bytes of `input`, which must outlive the result.
  // Errors: Unimplemented for a known format that is not supported; else the input's.
  static absl::StatusOr<std::unique_ptr<Decompressor>> Open(ByteSource& input,
                                                            const DecompressLimits& limits = {});
  virtual Compression compression() const = 0;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_DECOMPRESS_H_
