#include "monitor/captured_exec.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

#include "base/monotonic.h"
#include "base/status.h"
#include "os/process.h"

namespace coracle::monitor {
namespace {

constexpr size_t kReadBytes = 4096;

// What can be read without waiting; false at the end.
bool ReadSome(int fd, size_t max_output, std::string& output) {
  char buffer[kReadBytes];
  for (;;) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 && errno == EAGAIN;
    const size_t room = max_output - output.size();
    output.append(buffer, std::min(room, static_cast<size_t>(count)));
  }
}

// True if it ended by itself in time.
bool AwaitEnd(int pidfd, int output_fd, size_t max_output, int64_t until_millis, std::string& output) {
  bool open = true;
  for (;;) {
    pollfd polls[2] = {{pidfd, POLLIN, 0}, {open ? output_fd : -1, POLLIN, 0}};
    const int64_t left = until_millis - MonotonicMillis();
    if (left <= 0) return false;
    (void)poll(polls, 2, static_cast<int>(std::min<int64_t>(left, INT_MAX)));  // EINTR: looked at again
    if (polls[1].revents != 0) open = ReadSome(output_fd, max_output, output);
    if (polls[0].revents != 0) return true;
  }
}

}  // namespace

absl::StatusOr<CapturedExec> RunExecCaptured(runtime::ExecRequest request, size_t max_output,
                                             int64_t timeout_millis) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  const os::UniqueFd read_end(ends[0]);
  os::UniqueFd write_end(ends[1]);
  (void)fcntl(read_end.get(), F_SETFL, O_NONBLOCK);  // ours alone: the container's end blocks as usual
  request.stdio = {-1, write_end.get(), write_end.get()};
  request.die_with_parent = true;  // nobody else would end it in time
  const int64_t until = MonotonicMillis() + timeout_millis;
  ASSIGN_OR_RETURN(runtime::Container process, runtime::Exec(request));
  write_end.Reset();
  CapturedExec result;
  result.timed_out = !AwaitEnd(process.pidfd.get(), read_end.get(), max_output, until, result.output);
  // It leads a session, so its group is its own, and its pid is not reused before it is reaped.
  if (result.timed_out && kill(-process.pid, SIGKILL) != 0) {
    (void)os::SendSignal(process.pidfd.get(), SIGKILL);
  }
  ASSIGN_OR_RETURN(const os::ExitStatus status, os::WaitFor(process.pidfd.get()));
  (void)ReadSome(read_end.get(), max_output, result.output);
  if (!result.timed_out) result.exit_code = status.Code();
  return result;
}

}  // namespace coracle::monitor
