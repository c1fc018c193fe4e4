#include "monitor/output_fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"

namespace coracle::monitor {

OutputFd::OutputFd(int fd) : fd_(fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return;
  socket_ = S_ISSOCK(info.st_mode);
  if (S_ISFIFO(info.st_mode) || isatty(fd) == 1) {
    const std::string path = absl::StrCat("/proc/self/fd/", fd);
    own_.Reset(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  }
}

size_t OutputFd::WriteSome(absl::string_view bytes) {
  size_t done = 0;
  while (done < bytes.size() && !closed_) {
    const ssize_t count =
        socket_ ? send(fd(), bytes.data() + done, bytes.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                : write(fd(), bytes.data() + done, bytes.size() - done);
    if (count >= 0) {
      done += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      return done;
    } else if (errno != EINTR) {
      closed_ = true;
    }
  }
  return closed_ ? bytes.size() : done;
}

void OutputFd::Write(absl::string_view bytes) {
  if (closed_) return;
  if (queue_.empty()) bytes.remove_prefix(WriteSome(bytes));
  if (!bytes.empty() && !closed_) queue_.Append(bytes);
}

void OutputFd::Flush() {
  if (queue_.empty()) return;
  const size_t done = WriteSome(queue_.Front());
  if (closed_) {
    queue_.Clear();
  } else {
    queue_.Consume(done);
  }
}

void OutputFd::FlushAll() {
  while (pending()) {
    pollfd poll_fd = {fd(), POLLOUT, 0};
    (void)poll(&poll_fd, 1, -1);
    Flush();
  }
}

}  // namespace coracle::monitor
