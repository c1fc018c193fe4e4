#include <igzip_lib.h>

#include <algorithm>

#include "archive/gzip_inflate.h"

namespace coracle::archive {
namespace {

const char* Describe(int result) {
  switch (result) {
    case ISAL_INVALID_BLOCK:
      return "gzip: invalid block";
    case ISAL_INVALID_SYMBOL:
      return "gzip: invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "gzip: invalid distance";
    case ISAL_INVALID_WRAPPER:
    case ISAL_UNSUPPORTED_METHOD:
      return "gzip: incorrect header";
    case ISAL_INCORRECT_CHECKSUM:
      return "gzip: incorrect data check";
    default:
      return "gzip: corrupt";
  }
}

// About 80 KiB: its window and tables are inside.
class IsalInflater : public GzipInflater {
 public:
  void StartMember() override {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
  }
  absl::StatusOr<Progress> Inflate(absl::string_view input, absl::Span<char> output) override {
    const auto in = static_cast<uint32_t>(std::min<size_t>(input.size(), 1 << 30));
    const auto out = static_cast<uint32_t>(std::min<size_t>(output.size(), 1 << 30));
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(input.data()));
    state_.avail_in = in;
    state_.next_out = reinterpret_cast<uint8_t*>(output.data());
    state_.avail_out = out;
    const int result = isal_inflate(&state_);
    if (result < 0) return absl::DataLossError(Describe(result));
    // What it has read ahead of a member's end it gives back.
    return Progress{in - state_.avail_in, out - state_.avail_out, state_.block_state == ISAL_BLOCK_FINISH};
  }

 private:
  struct inflate_state state_;
};

}  // namespace

std::unique_ptr<GzipInflater> GzipInflater::Make() {
  auto inflater = std::make_unique<IsalInflater>();
  inflater->StartMember();
  return inflater;
}

}  // namespace coracle::archive
