#include "monitor/signal_watch.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/status.h"

namespace coracle::monitor {

absl::StatusOr<SignalWatch> SignalWatch::Create(bool window) {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGIO, SIGPWR, SIGVTALRM, SIGPROF}) {
    sigaddset(&watched, signal);
  }
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaddset(&watched, signal);
  if (window) sigaddset(&watched, SIGWINCH);
  SignalWatch watch;
  if (sigprocmask(SIG_BLOCK, &watched, &watch.old_mask_) != 0) return ErrnoStatus(errno, "block signals");
  watch.active_ = true;
  watch.fd_.Reset(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!watch.fd_.valid()) return ErrnoStatus(errno, "make a signalfd");
  return watch;
}

SignalWatch::~SignalWatch() {
  if (active_) (void)sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

int SignalWatch::Next() {
  signalfd_siginfo info;
  const ssize_t count = read(fd_.get(), &info, sizeof(info));
  return count == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
}

void DieOf(int signal) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  (void)sigaction(signal, &action, nullptr);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  (void)raise(signal);
  (void)sigprocmask(SIG_UNBLOCK, &one, nullptr);
  _exit(128 + signal);
}

}  // namespace coracle::monitor
