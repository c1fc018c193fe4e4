// Writing to a descriptor of the caller's without being stuck in it.
#ifndef CORACLE_MONITOR_OUTPUT_FD_H_
#define CORACLE_MONITOR_OUTPUT_FD_H_

#include "monitor/byte_queue.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

// A pipe or terminal is opened anew through /proc/self/fd, so that it can be made non-blocking without
// changing the description it shares with other processes. What can't be opened so is written blocking.
//
// A closed reader (EPIPE) ends it: later writes go nowhere.
class OutputFd {
 public:
  explicit OutputFd(int fd);
  // Writes; what does not go now is kept.
  void Write(absl::string_view bytes);
  void Flush();
  // Waits until all is written or the reader is gone.
  void FlushAll();
  bool pending() const { return !queue_.empty(); }
  bool closed() const { return closed_; }
  int fd() const { return own_.valid() ? own_.get() : fd_; }

 private:
  size_t WriteSome(absl::string_view bytes);
  int fd_;  // the caller's
  os::UniqueFd own_;
  bool socket_ = false, closed_ = false;
  ByteQueue queue_;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_OUTPUT_FD_H_
