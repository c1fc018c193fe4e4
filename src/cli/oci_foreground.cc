// `oci run` and `oci exec` without --detach: we stand in for the container's process.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>

#include "base/status.h"
#include "cli/oci_common.h"
#include "monitor/signal_watch.h"
#include "monitor/terminal_mode.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::cli {
namespace {

// What `from` has now goes to `to`, whole. False at the end of the stream.
bool Copy(int from, int to) {
  char buffer[16384];
  const ssize_t count = read(from, buffer, sizeof(buffer));
  if (count < 0) return errno == EINTR || errno == EAGAIN;  // EIO: the terminal's other side was closed
  if (count == 0) return false;
  return os::WriteAll(to, absl::string_view(buffer, static_cast<size_t>(count))).ok();
}

void PassSize(int console) {
  winsize size = {};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) (void)ioctl(console, TIOCSWINSZ, &size);
}

// Everything that is still in the terminal after its processes have ended.
void Drain(int console) {
  pollfd ready = {console, POLLIN, 0};
  while (poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0 && Copy(console, STDOUT_FILENO)) {
  }
}

}  // namespace

absl::StatusOr<int> OciForeground(runtime::Container& process) {
  const int console = process.console.get();
  ASSIGN_OR_RETURN(monitor::SignalWatch signals, monitor::SignalWatch::Create(/*window=*/console >= 0));
  std::optional<monitor::TerminalMode> mode;
  if (console >= 0) {
    ASSIGN_OR_RETURN(monitor::TerminalMode raw, monitor::TerminalMode::Raw(STDIN_FILENO));
    mode.emplace(std::move(raw));
    PassSize(console);
  }
  pollfd fds[4] = {{process.pidfd.get(), POLLIN, 0},
                   {signals.fd(), POLLIN, 0},
                   {console, POLLIN, 0},
                   {console >= 0 ? STDIN_FILENO : -1, POLLIN, 0}};
  while (fds[0].revents == 0) {
    if (poll(fds, 4, -1) < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (fds[1].revents != 0) {
      while (const int signal = signals.Next()) {
        if (signal == SIGWINCH) {
          PassSize(console);
        } else {
          (void)os::SendSignal(process.pidfd.get(), signal);  // it may just have ended
        }
      }
    }
    if (fds[2].revents != 0 && !Copy(console, STDOUT_FILENO)) fds[2].fd = -1;
    if (fds[3].revents != 0 && !Copy(STDIN_FILENO, console)) fds[3].fd = -1;
  }
  if (console >= 0) Drain(console);
  ASSIGN_OR_RETURN(const os::ExitStatus status, os::WaitFor(process.pidfd.get()));
  return status.Code();
}

}  // namespace coracle::cli
