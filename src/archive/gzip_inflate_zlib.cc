#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "archive/gzip_inflate.h"

namespace coracle::archive {
namespace {

class ZlibInflater : public GzipInflater {
 public:
  ZlibInflater() {
    ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK;  // 16: gzip framing, checked by zlib
  }
  ~ZlibInflater() override {
    if (ready_) inflateEnd(&stream_);
  }
  bool ready() const { return ready_; }
  void StartMember() override { inflateReset(&stream_); }
  absl::StatusOr<Progress> Inflate(absl::string_view input, absl::Span<char> output) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(std::min<size_t>(input.size(), 1 << 30));
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(output.size(), 1 << 30));
    const uInt in = stream_.avail_in, out = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result != Z_STREAM_END && result != Z_OK && result != Z_BUF_ERROR) {
      return absl::DataLossError(absl::StrCat("gzip: ", stream_.msg != nullptr ? stream_.msg : "corrupt"));
    }
    return Progress{in - stream_.avail_in, out - stream_.avail_out, result == Z_STREAM_END};
  }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
};

}  // namespace

std::unique_ptr<GzipInflater> GzipInflater::Make() {
  auto inflater = std::make_unique<ZlibInflater>();
  if (!inflater->ready()) return nullptr;
  return inflater;
}

}  // namespace coracle::archive
