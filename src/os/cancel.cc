#include "os/cancel.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace coracle::os {
namespace {

void Raise(int event) {
  const uint64_t one = 1;
  // A full counter is raised already, and there is nobody to tell about anything else.
  [[maybe_unused]] const ssize_t written = write(event, &one, sizeof(one));
}

}  // namespace

CancelFlag::CancelFlag() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void CancelFlag::Set() {
  const int error = errno;
  set_.store(true, std::memory_order_relaxed);
  Raise(event_.get());
  errno = error;
}

CancelWatch::CancelWatch(const CancelFlag& flag, std::function<void()> action)
    : stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!stop_.valid() || flag.fd() < 0) return;
  auto thread = Thread::Start([flag_fd = flag.fd(), stop_fd = stop_.get(), action = std::move(action)] {
    struct pollfd fds[2] = {{flag_fd, POLLIN, 0}, {stop_fd, POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if ((fds[0].revents & POLLIN) != 0) action();
  });
  if (thread.ok()) thread_ = *std::move(thread);
}

CancelWatch::~CancelWatch() {
  if (stop_.valid()) Raise(stop_.get());
  thread_.reset();
}

}  // namespace coracle::os
