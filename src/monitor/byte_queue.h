// Bytes waiting to be written.
#ifndef CORACLE_MONITOR_BYTE_QUEUE_H_
#define CORACLE_MONITOR_BYTE_QUEUE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace coracle::monitor {

// First in, first out. Owns no memory while empty, so that an idle monitor stays small. The bound is kept by
// the owner, who stops appending.
class ByteQueue {
 public:
  void Append(absl::string_view bytes) {
    if (head_ > bytes_.size() / 2) {
      bytes_.erase(0, head_);
      head_ = 0;
    }
    bytes_.append(bytes.data(), bytes.size());
  }
  absl::string_view Front() const { return absl::string_view(bytes_).substr(head_); }
  void Consume(size_t size) {
    head_ += size;
    if (head_ == bytes_.size()) Clear();
  }
  void Clear() {
    std::string().swap(bytes_);
    head_ = 0;
  }
  size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }

 private:
  std::string bytes_;
  size_t head_ = 0;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_BYTE_QUEUE_H_
