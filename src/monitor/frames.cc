#include "monitor/frames.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/cord.h"
#include "monitor/attach.pb.h"

namespace coracle::monitor {

void PutFrameHeader(FrameType type, size_t payload_bytes, char header[kFrameHeader]) {
  header[0] = static_cast<char>(type);
  for (int i = 0; i < 4; ++i) header[1 + i] = static_cast<char>((payload_bytes >> (8 * i)) & 0xff);
}

std::string EncodeFrame(FrameType type, absl::string_view payload) {
  std::string frame(kFrameHeader, '\0');
  PutFrameHeader(type, payload.size(), frame.data());
  frame.append(payload.data(), payload.size());
  return frame;
}

std::string EncodeFrame(FrameType type, const google::protobuf::MessageLite& message) {
  return EncodeFrame(type, message.SerializeAsString());
}

char* FrameParser::Space(size_t want, size_t* size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0 && capacity_ - end_ < want / 2) {
    memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ == end_) {
    // A frame larger than the buffer: its length was checked by Next, so this is bounded.
    const size_t grown =
        capacity_ == 0 ? want : std::min(std::max(capacity_ * 2, want), kMaxFrame + kFrameHeader);
    std::unique_ptr<char[]> buffer(new char[std::max(grown, capacity_ + 1)]);
    if (end_ > 0) memcpy(buffer.get(), buffer_.get(), end_);
    capacity_ = std::max(grown, capacity_ + 1);
    buffer_ = std::move(buffer);
  }
  *size = capacity_ - end_;
  return buffer_.get() + end_;
}

FrameParser::Result FrameParser::Next(Frame* frame) {
  if (end_ - begin_ < kFrameHeader) return Result::kNeedMore;
  const unsigned char* header = reinterpret_cast<unsigned char*>(buffer_.get() + begin_);
  const size_t size = header[1] | header[2] << 8 | header[3] << 16 | static_cast<size_t>(header[4]) << 24;
  if (header[0] < static_cast<int>(FrameType::kStdout) || header[0] > static_cast<int>(FrameType::kReload) ||
      size > kMaxFrame) {
    return Result::kBad;
  }
  if (end_ - begin_ - kFrameHeader < size) return Result::kNeedMore;
  frame->type = static_cast<FrameType>(header[0]);
  frame->payload = absl::string_view(buffer_.get() + begin_ + kFrameHeader, size);
  begin_ += kFrameHeader + size;
  return Result::kFrame;
}

void FrameParser::ReleaseIfEmpty() {
  if (begin_ != end_) return;
  buffer_.reset();
  capacity_ = begin_ = end_ = 0;
}

void StatusToResult(const absl::Status& status, StartResult* result) {
  result->set_code(static_cast<int>(status.code()));
  const absl::string_view message = status.message();
  result->set_message(std::string(message));
  status.ForEachPayload([&](absl::string_view key, const absl::Cord& value) {
    StatusPayload* payload = result->add_payloads();
    payload->set_key(std::string(key));
    payload->set_value(std::string(value));
  });
}

absl::Status StatusFromResult(const StartResult& result) {
  if (result.code() == 0) return absl::OkStatus();
  absl::Status status(static_cast<absl::StatusCode>(result.code()), result.message());
  for (const StatusPayload& payload : result.payloads()) {
    status.SetPayload(payload.key(), absl::Cord(payload.value()));
  }
  return status;
}

}  // namespace coracle::monitor
