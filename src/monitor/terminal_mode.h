// The caller's terminal in raw mode.
#ifndef CORACLE_MONITOR_TERMINAL_MODE_H_
#define CORACLE_MONITOR_TERMINAL_MODE_H_

#include <termios.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace coracle::monitor {

// Restores the mode when destroyed. The owner watches signals (see attach_client.cc), so that no deadly one
// passes by the destructor.
class TerminalMode {
 public:
  // Puts `fd` in raw mode, if it is a terminal; else does nothing. Errors: errno of tcsetattr(3).
  static absl::StatusOr<TerminalMode> Raw(int fd);
  TerminalMode(TerminalMode&& other) noexcept : fd_(other.fd_), saved_(other.saved_) { other.fd_ = -1; }
  TerminalMode& operator=(TerminalMode&&) = delete;
  TerminalMode(const TerminalMode&) = delete;
  ~TerminalMode() { Restore(); }
  void Restore();

 private:
  explicit TerminalMode(int fd) : fd_(fd), saved_() {}
  int fd_;  // not owned; -1: nothing to restore
  termios saved_;
};

// Rows and columns of the terminal `fd`; false if it is none or says 0.
bool TerminalSize(int fd, uint16_t* rows, uint16_t* columns);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_TERMINAL_MODE_H_
