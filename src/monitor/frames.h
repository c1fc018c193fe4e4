// The wire format of attach connections: a 5-byte header (type, little-endian payload length) and payload.
//
// Input is flow-controlled: a client sends at most kInputWindow bytes that the monitor has not yet confirmed
// by kInputTaken. So the monitor can always read its clients, and a signal is never stuck behind input that
// the container does not take.
#ifndef CORACLE_MONITOR_FRAMES_H_
#define CORACLE_MONITOR_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

namespace coracle::monitor {

enum class FrameType : uint8_t {
  kStdout = 1,
  kStderr = 2,
  kInput = 3,
  kInputEof = 4,
  kInputTaken = 5,      // InputTaken
  kSubscribe = 6,       // Subscribe
  kResize = 7,          // Resize
  kSignal = 8,          // Signal
  kStart = 9,           // answered by kStartResult
  kStartResult = 10,    // StartResult
  kStopRequested = 11,  // answered by kAck
  kAck = 12,
  kExit = 13,    // Exit; the last frame of a connection
  kReload = 14,  // answered by kAck
};

inline constexpr size_t kFrameHeader = 5;
inline constexpr size_t kMaxFrame = 256 << 10;  // payload bytes
inline constexpr size_t kInputWindow = 256 << 10;

struct Frame {
  FrameType type = FrameType::kAck;
  absl::string_view payload;  // in the parser's buffer, valid until the next call of Space
};

void PutFrameHeader(FrameType type, size_t payload_bytes, char header[kFrameHeader]);
std::string EncodeFrame(FrameType type, absl::string_view payload);
std::string EncodeFrame(FrameType type, const google::protobuf::MessageLite& message);

// Cuts a byte stream into frames. Its buffer never exceeds one frame of the largest size, or what `Space` was
// first asked for.
class FrameParser {
 public:
  // Room for at least one byte, at most `want` when the buffer is empty; read(2) into it, then Commit.
  char* Space(size_t want, size_t* size);
  void Commit(size_t size) { end_ += size; }
  enum class Result { kFrame, kNeedMore, kBad };
  // kBad: an unknown type or a length over kMaxFrame; the connection is to be dropped.
  Result Next(Frame* frame);
  // Gives the buffer back if it is empty.
  void ReleaseIfEmpty();

 private:
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

// absl::Status over the wire: code, message and payloads (exit code, errno, hint).
class StartResult;
void StatusToResult(const absl::Status& status, StartResult* result);
absl::Status StatusFromResult(const StartResult& result);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_FRAMES_H_
