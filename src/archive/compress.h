// Compression into a sink.
#ifndef CORACLE_ARCHIVE_COMPRESS_H_
#define CORACLE_ARCHIVE_COMPRESS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "archive/compression.h"
#include "archive/stream.h"

namespace coracle::archive {

inline constexpr int kDefaultLevel = -1;  // gzip: 6, zstd: 3

// A sink whose Finish() ends the compressed stream in `out`, which must outlive it. kNone passes all
// unchanged. The same bytes and level always give the same output of one version of the library: no names,
// times or threads. Errors: InvalidArgument for a level out of range (gzip 0 to 9, zstd 1 to 19).
absl::StatusOr<std::unique_ptr<ByteSink>> MakeCompressor(Compression compression, ByteSink& out,
                                                         int level = kDefaultLevel);

}  // namespace coracle::archive

#endif  // CORACLE_ARCHIVE_COMPRESS_H_
