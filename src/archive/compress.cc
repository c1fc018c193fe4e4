#include "archive/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/status.h"

namespace coracle::archive {
namespace {

class PlainSink : public ByteSink {
 public:
  explicit PlainSink(ByteSink& out) : out_(out) {}
  absl::Status Write(absl::string_view data) override { return out_.Write(data); }

 private:
  ByteSink& out_;
};

class GzipSink : public ByteSink {
 public:
  GzipSink(ByteSink& out, int level) : out_(out), buffer_(new char[kStreamBufferBytes]) {
    // 16: gzip framing. zlib's header then has neither name nor time.
    ready_ = deflateInit2(&stream_, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipSink() override {
    if (ready_) deflateEnd(&stream_);
  }
  absl::Status Write(absl::string_view data) override {
    while (!data.empty()) {
      const absl::string_view piece = data.substr(0, 1 << 30);  // avail_in has 32 bits
      RETURN_IF_ERROR(Deflate(piece, Z_NO_FLUSH));
      data.remove_prefix(piece.size());
    }
    return absl::OkStatus();
  }
  absl::Status Finish() override { return Deflate("", Z_FINISH); }

 private:
  absl::Status Deflate(absl::string_view data, int flush) {
    if (!ready_) return absl::ResourceExhaustedError("gzip: out of memory");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_.avail_in = static_cast<uInt>(data.size());
    int result = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.get());
      stream_.avail_out = kStreamBufferBytes;
      result = deflate(&stream_, flush);
      if (result == Z_STREAM_ERROR) return absl::InternalError("gzip: written to after its end");
      RETURN_IF_ERROR(out_.Write({buffer_.get(), kStreamBufferBytes - stream_.avail_out}));
    } while (stream_.avail_out == 0 || (flush == Z_FINISH && result != Z_STREAM_END));
    return absl::OkStatus();
  }

  ByteSink& out_;
  std::unique_ptr<char[]> buffer_;
  z_stream stream_ = {};
  bool ready_ = false;
};

class ZstdSink : public ByteSink {
 public:
  ZstdSink(ByteSink& out, int level)
      : out_(out), buffer_(new char[kStreamBufferBytes]), stream_(ZSTD_createCStream()) {
    if (stream_ == nullptr) return;
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(stream_, ZSTD_c_checksumFlag, 1);
  }
  ~ZstdSink() override { ZSTD_freeCStream(stream_); }
  absl::Status Write(absl::string_view data) override {
    return data.empty() ? absl::OkStatus() : Compress(data, ZSTD_e_continue);
  }
  absl::Status Finish() override { return Compress("", ZSTD_e_end); }

 private:
  absl::Status Compress(absl::string_view data, ZSTD_EndDirective mode) {
    if (stream_ == nullptr) return absl::ResourceExhaustedError("zstd: out of memory");
    ZSTD_inBuffer in = {data.data(), data.size(), 0};
    for (;;) {
      ZSTD_outBuffer out = {buffer_.get(), kStreamBufferBytes, 0};
      const size_t left = ZSTD_compressStream2(stream_, &out, &in, mode);
      if (ZSTD_isError(left)) return absl::InternalError(absl::StrCat("zstd: ", ZSTD_getErrorName(left)));
      RETURN_IF_ERROR(out_.Write({buffer_.get(), out.pos}));
      if (mode == ZSTD_e_end ? left == 0 : in.pos == in.size) return absl::OkStatus();
    }
  }

  ByteSink& out_;
  std::unique_ptr<char[]> buffer_;
  ZSTD_CStream* stream_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSink>> MakeCompressor(Compression compression, ByteSink& out, int level) {
  const auto check_level = [&](int low, int high) -> absl::Status {
    if (level == kDefaultLevel || (level >= low && level <= high)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(CompressionName(compression), " has levels ", low, " to ", high, ", not ", level));
  };
  std::unique_ptr<ByteSink> sink;
  switch (compression) {
    case Compression::kNone:
      sink = std::make_unique<PlainSink>(out);
      break;
    case Compression::kGzip:
      RETURN_IF_ERROR(check_level(0, 9));
      sink = std::make_unique<GzipSink>(out, level == kDefaultLevel ? 6 : level);
      break;
    case Compression::kZstd:
      RETURN_IF_ERROR(check_level(1, 19));
      sink = std::make_unique<ZstdSink>(out, level == kDefaultLevel ? 3 : level);
      break;
  }
  return sink;
}

}  // namespace coracle::archive
