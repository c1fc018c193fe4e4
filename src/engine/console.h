// The size of the terminal we were called from.
#ifndef CORACLE_ENGINE_CONSOLE_H_
#define CORACLE_ENGINE_CONSOLE_H_

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <optional>

#include "oci/runtime_spec.h"

namespace coracle::engine {

// Nothing if none of our standard descriptors is a terminal. A new terminal starts with this size, so that a
// program that asks at once is told the truth; later changes are followed by the attached client.
inline std::optional<oci::ConsoleSize> CallersConsoleSize() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    winsize size = {};
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) return oci::ConsoleSize{size.ws_row, size.ws_col};
  }
  return std::nullopt;
}

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CONSOLE_H_
