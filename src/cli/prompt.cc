#include "cli/prompt.h"

#include <poll.h>
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

// Turns echo off. The signals that would leave it so are blocked but for the waits of WaitForInput, so that
// none is missed between a look at `caught_signal` and the wait.
class EchoOff {
 public:
  EchoOff() {
    if (tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    caught_signal = 0;
    sigset_t watched;
    sigemptyset(&watched);
    for (const int signal : kWatched) sigaddset(&watched, signal);
    sigprocmask(SIG_BLOCK, &watched, &mask_);
    struct sigaction action = {};
    action.sa_handler = Catch;
    for (size_t i = 0; i < kWatchedCount; ++i) {
      sigaction(kWatched[i], nullptr, &actions_[i]);
      // What the caller ignores stays ignored.
      if (actions_[i].sa_handler != SIG_IGN) sigaction(kWatched[i], &action, nullptr);
    }
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
    // What was held back happens now, with the terminal as it was and the cursor on a line of its own.
    if (caught_signal != 0) {
      (void)os::WriteAll(STDERR_FILENO, "\n");
      raise(caught_signal);
    }
    sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }

 private:
  termios saved_ = {};
  sigset_t mask_ = {};
  struct sigaction actions_[kWatchedCount] = {};
  bool off_ = false;
};

// False if one of the watched signals came first.
bool WaitForInput(const os::CancelFlag* cancel) {
  sigset_t none;
  sigprocmask(SIG_SETMASK, nullptr, &none);
  for (const int signal : kWatched) sigdelset(&none, signal);
  pollfd fd = {STDIN_FILENO, POLLIN, 0};
  while (ppoll(&fd, 1, nullptr, &none) < 0 && errno == EINTR) {
    if (caught_signal != 0 || (cancel != nullptr && cancel->IsSet())) return false;
  }
  return true;  // or an error, which read(2) will tell
}

absl::StatusOr<std::string> ReadLine(const os::CancelFlag* cancel = nullptr) {
  std::string line;
  char c;
  while (line.size() < kMaxLine) {
    if (!WaitForInput(cancel)) return absl::CancelledError("interrupted");
    const ssize_t got = TEMP_FAILURE_RETRY(read(STDIN_FILENO, &c, 1));
    if (got < 0) return ErrnoStatus(errno, "read standard input");
    if (got == 0 && line.empty()) return absl::CancelledError("end of input");
    if (got == 0 || c == '\n') break;
    line += c;
  }
  return std::string(absl::StripTrailingAsciiWhitespace(line));
}

}  // namespace

bool CanAsk() { return isatty(STDIN_FILENO) == 1; }

absl::StatusOr<std::string> Ask(absl::string_view question, const os::CancelFlag* cancel) {
  caught_signal = 0;
  (void)os::WriteAll(STDERR_FILENO, question);  // nowhere else to say it
  return ReadLine(cancel);
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
