#include "monitor/attach_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

namespace coracle::monitor {

void AttachConnection::Send(FrameType type, absl::string_view payload, int64_t now_millis) {
  if (dead) return;
  char header[kFrameHeader];
  PutFrameHeader(type, payload.size(), header);
  size_t sent = 0;
  if (out.empty()) {
    last_progress_millis = now_millis;
    iovec parts[2] = {{header, kFrameHeader}, {const_cast<char*>(payload.data()), payload.size()}};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t count = sendmsg(fd.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) dead = true;
    if (count > 0) sent = static_cast<size_t>(count);
  }
  if (dead) return;
  if (sent < kFrameHeader) {
    out.Append(absl::string_view(header + sent, kFrameHeader - sent));
    sent = kFrameHeader;
  }
  if (sent - kFrameHeader < payload.size()) out.Append(payload.substr(sent - kFrameHeader));
}

void AttachConnection::Flush(int64_t now_millis) {
  while (!dead && !out.empty()) {
    const absl::string_view front = out.Front();
    const ssize_t count = send(fd.get(), front.data(), front.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != ENOBUFS) dead = true;
      return;
    }
    out.Consume(static_cast<size_t>(count));
    last_progress_millis = now_millis;
  }
}

}  // namespace coracle::monitor
