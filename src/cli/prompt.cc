#include "cli/prompt.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

constexpr size_t kMaxLine = 64 << 10;
constexpr int kWatched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
constexpr size_t kWatchedCount = sizeof(kWatched) / sizeof(kWatched[0]);

volatile sig_atomic_t caught_signal = 0;
void Catch(int signal) { caught_signal = signal; }

// Turns echo off, and makes the signals that would leave it so interrupt the read instead.
class EchoOff {
 public:
  EchoOff() {
    if (tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    caught_signal = 0;
    struct sigaction action = {};
    action.sa_handler = Catch;  // without SA_RESTART: read(2) returns
    for (size_t i = 0; i < kWatchedCount; ++i) sigaction(kWatched[i], &action, &actions_[i]);
    termios quiet = saved_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    off_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    if (!off_) return;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_);
    for (size_t i = 0; i < kWatchedCount; ++i) sigaction(kWatched[i], &actions_[i], nullptr);
    // What was held back happens now, with the terminal as it was.
    if (caught_signal != 0) raise(caught_signal);
  }

 private:
  termios saved_ = {};
  struct sigaction actions_[kWatchedCount] = {};
  bool off_ = false;
};

absl::StatusOr<std::string> ReadLine() {
  std::string line;
  char c;
  while (line.size() < kMaxLine) {
    const ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) {
      if (caught_signal == 0) continue;
      return absl::CancelledError("interrupted");
    }
    if (got < 0) return ErrnoStatus(errno, "read standard input");
    if (got == 0 && line.empty()) return absl::CancelledError("end of input");
    if (got == 0 || c == '\n') break;
    line += c;
  }
  return std::string(absl::StripTrailingAsciiWhitespace(line));
}

}  // namespace

bool CanAsk() { return isatty(STDIN_FILENO) == 1; }

absl::StatusOr<std::string> Ask(absl::string_view question) {
  (void)os::WriteAll(STDERR_FILENO, question);  // nowhere else to say it
  return ReadLine();
}

absl::StatusOr<std::string> AskSecret(absl::string_view question) {
  while (true) {
    absl::StatusOr<std::string> answer;
    {
      const EchoOff quiet;
      (void)os::WriteAll(STDERR_FILENO, question);  // nowhere else to say it
      answer = ReadLine();
    }
    // Stopped by Ctrl-Z and continued: asked again.
    if (answer.ok() || caught_signal != SIGTSTP) return answer;
  }
}

}  // namespace coracle::cli
