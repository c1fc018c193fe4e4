#include "archive/decompress.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "archive/gzip_inflate.h"
#include "base/status.h"

namespace coracle::archive {
namespace {

// The compressed side: one buffer, refilled when it is used up.
class Input {
 public:
  explicit Input(ByteSource& source) : source_(source), buffer_(new char[kStreamBufferBytes]) {}

  absl::string_view rest() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void Consume(size_t count) { begin_ += count; }

  // False at the end of the source. Otherwise rest() has become longer.
  absl::StatusOr<bool> Fill() {
    if (begin_ > 0) {
      memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    ASSIGN_OR_RETURN(const size_t count,
                     source_.Read(absl::MakeSpan(buffer_.get() + end_, kStreamBufferBytes - end_)));
    end_ += count;
    return count > 0;
  }
  // Tries to have at least `count` bytes in rest().
  absl::Status FillTo(size_t count) {
    while (rest().size() < count) {
      ASSIGN_OR_RETURN(const bool more, Fill());
      if (!more) break;
    }
    return absl::OkStatus();
  }

 private:
  ByteSource& source_;
  std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0, end_ = 0;
};

class OutputLimit {
 public:
  explicit OutputLimit(const DecompressLimits& limits) : limit_(limits.max_output_bytes) {}
  absl::Status Add(size_t count) {
    total_ += static_cast<int64_t>(count);
    if (total_ <= limit_) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("decompresses to more than ", limit_, " bytes"));
  }

 private:
  int64_t limit_;
  int64_t total_ = 0;
};

class PlainSource : public Decompressor {
 public:
  PlainSource(std::unique_ptr<Input> input, ByteSource& source, const DecompressLimits& limits)
      : input_(std::move(input)), source_(source), limit_(limits) {}
  Compression compression() const override { return Compression::kNone; }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const absl::string_view head = input_->rest();
    size_t count = std::min(head.size(), buffer.size());
    if (count > 0) {
      memcpy(buffer.data(), head.data(), count);
      input_->Consume(count);
    } else {
      ASSIGN_OR_RETURN(count, source_.Read(buffer));
    }
    RETURN_IF_ERROR(limit_.Add(count));
    return count;
  }

 private:
  std::unique_ptr<Input> input_;
  ByteSource& source_;
  OutputLimit limit_;
};

class GzipSource : public Decompressor {
 public:
  GzipSource(std::unique_ptr<Input> input, const DecompressLimits& limits)
      : input_(std::move(input)), limit_(limits), inflater_(GzipInflater::Make()) {}
  Compression compression() const override { return Compression::kGzip; }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (inflater_ == nullptr) return absl::ResourceExhaustedError("gzip: out of memory");
    size_t count = 0;
    while (!ended_ && count < buffer.size()) {
      if (in_member_) {
        ASSIGN_OR_RETURN(const size_t produced, Inflate(buffer.subspan(count)));
        count += produced;
      } else {
        RETURN_IF_ERROR(StartMember());
      }
    }
    RETURN_IF_ERROR(limit_.Add(count));
    return count;
  }

 private:
  absl::StatusOr<size_t> Inflate(absl::Span<char> output) {
    bool more = true;
    if (input_->rest().empty()) {
      ASSIGN_OR_RETURN(more, input_->Fill());
    }
    ASSIGN_OR_RETURN(const GzipInflater::Progress progress, inflater_->Inflate(input_->rest(), output));
    input_->Consume(progress.consumed);
    if (progress.member_ended) {
      in_member_ = false;
    } else if (!more && progress.produced == 0) {
      return absl::DataLossError("gzip: truncated");
    }
    return progress.produced;
  }

  // Between members: another one, padding of zeros, or the end.
  absl::Status StartMember() {
    RETURN_IF_ERROR(input_->FillTo(2));
    absl::string_view rest = input_->rest();
    if (rest.size() >= 2 && rest[0] == '\x1f' && rest[1] == '\x8b') {
      inflater_->StartMember();
      in_member_ = true;
      return absl::OkStatus();
    }
    while (!rest.empty()) {
      if (rest.find_first_not_of('\0') != absl::string_view::npos) {
        return absl::DataLossError("gzip: garbage after the compressed data");
      }
      input_->Consume(rest.size());
      RETURN_IF_ERROR(input_->FillTo(1));
      rest = input_->rest();
    }
    ended_ = true;
    return absl::OkStatus();
  }

  std::unique_ptr<Input> input_;
  OutputLimit limit_;
  std::unique_ptr<GzipInflater> inflater_;
  bool in_member_ = true;
  bool ended_ = false;
};

class ZstdSource : public Decompressor {
 public:
  ZstdSource(std::unique_ptr<Input> input, const DecompressLimits& limits)
      : input_(std::move(input)), limit_(limits), stream_(ZSTD_createDStream()) {}
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  Compression compression() const override { return Compression::kZstd; }

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    if (stream_ == nullptr) return absl::ResourceExhaustedError("zstd: out of memory");
    ZSTD_outBuffer out = {buffer.data(), buffer.size(), 0};
    while (out.pos < out.size) {
      // With input used up there may still be output inside; only when none comes is more input needed.
      const absl::string_view rest = input_->rest();
      ZSTD_inBuffer in = {rest.data(), rest.size(), 0};
      const size_t before = out.pos;
      if (!rest.empty() || inside_frame_) {
        const size_t result = ZSTD_decompressStream(stream_, &out, &in);
        if (ZSTD_isError(result))
          return absl::DataLossError(absl::StrCat("zstd: ", ZSTD_getErrorName(result)));
        input_->Consume(in.pos);
        inside_frame_ = result != 0;
        if (in.pos > 0 || out.pos > before) continue;
      }
      ASSIGN_OR_RETURN(const bool more, input_->Fill());
      if (more) continue;
      if (inside_frame_ || !input_->rest().empty()) return absl::DataLossError("zstd: truncated");
      break;
    }
    RETURN_IF_ERROR(limit_.Add(out.pos));
    return out.pos;
  }

 private:
  std::unique_ptr<Input> input_;
  OutputLimit limit_;
  ZSTD_DStream* stream_;
  bool inside_frame_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Decompressor>> Decompressor::Open(ByteSource& source,
                                                                 const DecompressLimits& limits) {
  auto input = std::make_unique<Input>(source);
  RETURN_IF_ERROR(input->FillTo(kMagicBytes));
  ASSIGN_OR_RETURN(const Compression compression, DetectCompression(input->rest().substr(0, kMagicBytes)));
  std::unique_ptr<Decompressor> result;
  switch (compression) {
    case Compression::kGzip:
      result = std::make_unique<GzipSource>(std::move(input), limits);
      break;
    case Compression::kZstd:
      result = std::make_unique<ZstdSource>(std::move(input), limits);
      break;
    case Compression::kNone:
      result = std::make_unique<PlainSource>(std::move(input), source, limits);
      break;
  }
  return result;
}

}  // namespace coracle::archive
