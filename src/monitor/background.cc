#include "monitor/background.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>

namespace coracle::monitor {
namespace {

volatile std::sig_atomic_t term_pidfd = -1;
volatile std::sig_atomic_t term_signal = 0;  // 0: SIGTERM does nothing
volatile std::sig_atomic_t term_asked = 0;

void OnSignal(int signal) {
  if (signal != SIGTERM || term_signal == 0) return;
  term_asked = 1;
  const int saved = errno;
  const int pidfd = term_pidfd, passed_on = term_signal;
  if (pidfd >= 0) (void)syscall(SYS_pidfd_send_signal, pidfd, passed_on, nullptr, 0);
  errno = saved;
}

// Those that would end a process by default and that others send, if only because systemd sends a container's
// stop signal to all in its scope. The monitor ends when its container has ended.
bool StaysAlive(int signal) {
  static constexpr int kCaught[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2,
                                    SIGALRM, SIGXFSZ, SIGPWR,  SIGTSTP, SIGTTIN, SIGTTOU};
  return signal >= SIGRTMIN || std::find(std::begin(kCaught), std::end(kCaught), signal) != std::end(kCaught);
}

void SetSignals() {
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction action = {};
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    if (StaysAlive(signal)) {
      action.sa_handler = OnSignal;
      action.sa_flags = SA_RESTART;
    }
    (void)sigaction(signal, &action, nullptr);
  }
}

}  // namespace

void BecomeBackground() {
  (void)setsid();
  SetSignals();
  (void)umask(022);
  (void)!chdir("/");  // keeps no file system busy
}

void PassOnTerm(int pidfd, int signal) {
  term_pidfd = pidfd;
  term_signal = signal;
}

bool TermAsked() { return term_asked != 0; }

void StdioToNull() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (int fd = 0; fd < 3; ++fd) (void)dup2(null, fd);
  if (null > 2) close(null);
}

void CloseAllBut(std::vector<int> keep, int preserved) {
  for (int i = 0; i < preserved; ++i) keep.push_back(3 + i);
  std::sort(keep.begin(), keep.end());
  unsigned first = 3;
  for (const int fd : keep) {
    if (fd < static_cast<int>(first)) continue;
    if (fd > static_cast<int>(first)) (void)close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  (void)close_range(first, ~0u, 0);
}

}  // namespace coracle::monitor
