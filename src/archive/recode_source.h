// Reads a stream in another compression than it has.
#ifndef CORACLE_ARCHIVE_RECODE_SOURCE_H_
#define CORACLE_ARCHIVE_RECODE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "archive/compress.h"
#include "archive/compression.h"
#include "archive/decompress.h"
#include "archive/stream.h"

namespace coracle::archive {

// The content of `input`, compressed or not, as a stream in format `to`. The same input and level give the
// same bytes (compress.h). Errors: as of Decompressor and MakeCompressor.
class RecodeSource : public ByteSource {
 public:
  static absl::StatusOr<std::unique_ptr<RecodeSource>> Open(std::unique_ptr<ByteSource> input, Compression to,
                                                            int level = kDefaultLevel);
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override;

 private:
  RecodeSource() = default;

  std::unique_ptr<ByteSource> input_;
  std::unique_ptr<Decompressor> plain_;
  std::unique_ptr<char[]> block_;
  StringSink coded_;  // bytes [given_, end) are still to be read
  size_t given_ = 0;
  std::unique_ptr<ByteSink> compressor_;  // into coded_
  bool ended_ = false;
};

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_RECODE_SOURCE_H_
