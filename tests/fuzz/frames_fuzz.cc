// Frames cut from hostile bytes are the same however the bytes arrive, and never larger than allowed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "monitor/attach.pb.h"
#include "monitor/frames.h"

namespace {

using coracle::monitor::Frame;
using coracle::monitor::FrameParser;

std::string Cut(absl::string_view bytes, size_t piece) {
  FrameParser parser;
  std::string seen;
  while (!bytes.empty()) {
    size_t room = 0;
    char* space = parser.Space(16, &room);
    const size_t size = std::min({room, piece, bytes.size()});
    if (size == 0) abort();
    memcpy(space, bytes.data(), size);
    parser.Commit(size);
    bytes.remove_prefix(size);
    Frame frame;
    FrameParser::Result result = FrameParser::Result::kNeedMore;
    while ((result = parser.Next(&frame)) == FrameParser::Result::kFrame) {
      if (frame.payload.size() > coracle::monitor::kMaxFrame) abort();
      seen += coracle::monitor::EncodeFrame(frame.type, frame.payload);
      coracle::monitor::StartResult result_message;
      (void)result_message.ParseFromString(std::string(frame.payload));
    }
    if (result == FrameParser::Result::kBad) return seen + "bad";
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = Cut(bytes, size);
  if (whole != Cut(bytes, 1) || whole != Cut(bytes, 7)) abort();
  // What was cut is a beginning of what came in.
  const bool bad = whole.size() >= 3 && whole.compare(whole.size() - 3, 3, "bad") == 0;
  const absl::string_view good = absl::string_view(whole).substr(0, whole.size() - (bad ? 3 : 0));
  if (bytes.substr(0, good.size()) != good && bytes.substr(0, whole.size()) != whole) abort();
  return 0;
}
