#include "monitor/frames.h"

#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "doctest/doctest.h"
#include "monitor/attach.pb.h"

namespace coracle::monitor {
namespace {

// Feeds `bytes` in pieces of `piece`, and gives what came out as "type:payload;".
std::string Cut(absl::string_view bytes, size_t piece) {
  FrameParser parser;
  std::string seen;
  while (!bytes.empty()) {
    size_t room = 0;
    char* space = parser.Space(64, &room);
    const size_t size = std::min({room, piece, bytes.size()});
    memcpy(space, bytes.data(), size);
    parser.Commit(size);
    bytes.remove_prefix(size);
    Frame frame;
    FrameParser::Result result;
    while ((result = parser.Next(&frame)) == FrameParser::Result::kFrame) {
      seen += std::to_string(static_cast<int>(frame.type)) + ":" + std::string(frame.payload) + ";";
    }
    if (result == FrameParser::Result::kBad) return seen + "bad";
  }
  return seen;
}

TEST_SUITE("monitor/frames") {
  TEST_CASE("frames survive any cutting of the stream") {
    const std::string bytes = EncodeFrame(FrameType::kStdout, "hello") +
                              EncodeFrame(FrameType::kInputEof, "") +
                              EncodeFrame(FrameType::kStderr, std::string(300, 'x'));
    const std::string expected = "1:hello;4:;2:" + std::string(300, 'x') + ";";
    for (size_t piece = 1; piece < 70; ++piece) CHECK(Cut(bytes, piece) == expected);
  }
  TEST_CASE("the largest frame passes, a larger or unknown one is refused before it is read") {
    CHECK(Cut(EncodeFrame(FrameType::kStdout, std::string(kMaxFrame, 'y')), 65536).size() == kMaxFrame + 3);
    char header[kFrameHeader];
    PutFrameHeader(FrameType::kStdout, kMaxFrame + 1, header);
    CHECK(Cut(absl::string_view(header, kFrameHeader), 5) == "bad");
    CHECK(Cut(absl::string_view("\0\0\0\0\0", 5), 5) == "bad");
    CHECK(Cut("\x0e\x01\x01\x01\x01", 5) == "bad");
    CHECK(Cut("\x01\xff\xff\xff\xff", 5) == "bad");
  }
  TEST_CASE("a status crosses with code, message and payloads") {
    const absl::Status status = WithHint(WithExitCode(ErrnoStatus(ENOENT, "exec /x"), 127), "try this");
    StartResult result;
    StatusToResult(status, &result);
    StartResult copy;
    REQUIRE(copy.ParseFromString(result.SerializeAsString()));
    const absl::Status back = StatusFromResult(copy);
    CHECK(back == status);
    CHECK(ExitCodeOf(back) == 127);
    CHECK(ErrnoOf(back) == ENOENT);
    CHECK(StatusFromResult(StartResult()).ok());
  }
}

}  // namespace
}  // namespace coracle::monitor
