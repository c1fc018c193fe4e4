// The monitor's end of one attach connection.
#ifndef CORACLE_MONITOR_ATTACH_CONNECTION_H_
#define CORACLE_MONITOR_ATTACH_CONNECTION_H_

#include <cstdint>

#include "monitor/byte_queue.h"
#include "monitor/frames.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

// Output that may wait for one client before the container has to.
inline constexpr size_t kClientBuffer = 1 << 20;
// Output to a client is given up after it took nothing for this long while the container waits for it.
inline constexpr int64_t kClientPatienceMillis = 30000;

struct AttachConnection {
  os::UniqueFd fd;  // non-blocking
  FrameParser parser;
  ByteQueue out;    // frames not yet sent
  ByteQueue input;  // for the container's stdin, at most kInputWindow
  // The client that started the container: it is waited for without a limit, since it lives and dies with the
  // user's own pipeline (`run ... | less`).
  bool foreground = false;
  bool wants_out = false, wants_err = false, sends_input = false;
  bool input_ended = false;  // kInputEof came, or the client went
  bool dead = false;
  int64_t last_progress_millis = 0;

  explicit AttachConnection(os::UniqueFd connection) : fd(std::move(connection)) {}
  // A whole frame; what the socket does not take now is queued. Never blocks. Marks `dead` on error.
  void Send(FrameType type, absl::string_view payload, int64_t now_millis);
  // Sends what is queued, as far as the socket takes it.
  void Flush(int64_t now_millis);
  bool Clogged() const { return !dead && out.size() >= kClientBuffer; }
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_ATTACH_CONNECTION_H_
