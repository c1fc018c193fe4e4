#include "monitor/terminal_mode.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/status.h"

namespace coracle::monitor {

absl::StatusOr<TerminalMode> TerminalMode::Raw(int fd) {
  TerminalMode mode(fd);
  if (tcgetattr(fd, &mode.saved_) != 0) {
    mode.fd_ = -1;
    return mode;
  }
  termios raw = mode.saved_;
  cfmakeraw(&raw);
  // TCSANOW: what the user typed ahead is for the container, and a terminal that nobody drains must not hold
  // us.
  if (tcsetattr(fd, TCSANOW, &raw) != 0) {
    const int error = errno;
    mode.fd_ = -1;
    return ErrnoStatus(error, "put the terminal in raw mode");
  }
  return mode;
}

void TerminalMode::Restore() {
  if (fd_ >= 0) (void)tcsetattr(fd_, TCSANOW, &saved_);
  fd_ = -1;
}

bool TerminalSize(int fd, uint16_t* rows, uint16_t* columns) {
  winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return false;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return true;
}

}  // namespace coracle::monitor
