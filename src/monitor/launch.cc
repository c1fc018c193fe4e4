// Forking the monitor and hearing from it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

#include "base/status.h"
#include "monitor/attach.pb.h"
#include "monitor/frames.h"
#include "monitor/monitor.h"
#include "monitor/supervisor.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

// A report is a status: message and a few payloads.
constexpr size_t kMaxReport = 1 << 20;

// The monitor outlives the terminal and whoever started it; nothing that a closing session sends may end it:
// SIGHUP, SIGINT, SIGQUIT and SIGTERM do nothing and are not forwarded. The way to end a container is to
// signal the container. Handlers instead of SIG_IGN, because execve(2) resets them and the container must not
// inherit ignored signals.
void SetSignals() {
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction action = {};
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    for (const int caught : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGXFSZ,
                             SIGTSTP, SIGTTIN, SIGTTOU}) {
      if (signal != caught) continue;
      action.sa_handler = [](int) {};
      action.sa_flags = SA_RESTART;
    }
    (void)sigaction(signal, &action, nullptr);
  }
}

// Closes everything but 0 to 2, the first `preserved` after them and `keep`: nothing of the caller's lives on
// in the monitor, in particular none of its locks.
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

// Our own 0, 1 and 2 become /dev/null; with `keep` copies of the old ones are given to the container.
runtime::Stdio TakeStdio(bool keep) {
  runtime::Stdio own;
  if (keep) {
    own.in = fcntl(0, F_DUPFD_CLOEXEC, 3);
    own.out = fcntl(1, F_DUPFD_CLOEXEC, 3);
    own.err = fcntl(2, F_DUPFD_CLOEXEC, 3);
  }
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    for (int fd = 0; fd < 3; ++fd) (void)dup2(null, fd);
    if (null > 2) close(null);
  }
  return own;
}

void Report(os::UniqueFd pipe, const absl::StatusOr<pid_t>& started) {
  StartResult result;
  StatusToResult(started.status(), &result);
  if (started.ok()) result.set_pid(*started);
  (void)os::WriteAll(pipe.get(),
                     result.SerializeAsString());  // a caller that is gone does not stop the container
}

[[noreturn]] void MonitorMain(LaunchPlan plan, std::optional<store::FileLock> lock, os::UniqueFd report,
                              os::UniqueFd client) {
  (void)setsid();
  SetSignals();
  (void)umask(022);
  const runtime::Stdio own_stdio = TakeStdio(plan.passthrough);
  CloseAllBut({report.get(), client.get(), lock->fd(), own_stdio.in, own_stdio.out, own_stdio.err},
              plan.preserve_fds);
  (void)!chdir("/");  // keeps no file system busy
  int code = 0;
  {
    Supervisor supervisor(&plan,
                          plan.external_runtime.empty() ? NewBuiltinRunner(plan) : NewExternalRunner(plan),
                          std::move(client), own_stdio);
    const absl::StatusOr<pid_t> started = supervisor.Start();
    if (!started.ok()) {
      lock.reset();
      Report(std::move(report), started);
      _exit(1);
    }
    Report(std::move(report), started);
    code = supervisor.Run([&] { lock.reset(); });
  }
  _exit(code);
}

absl::StatusOr<Launched> ReadReport(os::UniqueFd pipe, pid_t monitor) {
  const absl::StatusOr<std::string> bytes = os::ReadAll(pipe.get(), kMaxReport);
  StartResult result;
  absl::Status status = bytes.status();
  if (status.ok() && (bytes->empty() || !result.ParseFromString(*bytes))) {
    status = absl::InternalError("the container's monitor ended unexpectedly");
  } else if (status.ok()) {
    status = StatusFromResult(result);
  }
  if (!status.ok()) {
    // It has undone everything and ends: once it is reaped nothing of it is left.
    while (waitpid(monitor, nullptr, 0) < 0 && errno == EINTR) {
    }
    return status;
  }
  Launched launched;
  launched.monitor_pid = monitor;
  launched.pid = result.pid();
  return launched;
}

}  // namespace

absl::StatusOr<Launched> Launch(LaunchPlan plan, store::FileLock lock) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  os::UniqueFd report_read(pipe_ends[0]), report_write(pipe_ends[1]);
  os::UniqueFd ours, theirs;
  if (plan.foreground) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return ErrnoStatus(errno, "make a socket pair");
    }
    ours.Reset(ends[0]);
    theirs.Reset(ends[1]);
  }
  const pid_t monitor = fork();
  if (monitor < 0) return ErrnoStatus(errno, "fork the monitor");
  if (monitor == 0) {
    MonitorMain(std::move(plan), std::move(lock), std::move(report_write), std::move(theirs));
  }
  report_write.Reset();
  theirs.Reset();
  ASSIGN_OR_RETURN(Launched launched, ReadReport(std::move(report_read), monitor));
  launched.attach = std::move(ours);
  return launched;
}

}  // namespace coracle::monitor
