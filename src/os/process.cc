#include "os/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::os {
namespace {

// Linux before 5.3, or a seccomp profile that refuses clone3 so that it can look at clone's flags.
int CloneWithoutClone3(const CloneOptions& options, CloneResult* result) {
  if (options.cgroup_dir >= 0) return -EOPNOTSUPP;
  int pidfd = -1;
  const unsigned long exit_signal = (options.flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  const unsigned long flags = options.flags | CLONE_PIDFD | exit_signal;
  const long pid = syscall(SYS_clone, flags, nullptr, &pidfd, nullptr, 0UL);
  if (pid < 0) return -errno;
  result->pid = static_cast<pid_t>(pid);
  result->pidfd = pid == 0 ? -1 : pidfd;
  return 0;
}

}  // namespace

int CloneProcess(const CloneOptions& options, CloneResult* result) {
  int pidfd = -1;
  clone_args args = {};
  args.flags = options.flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = (options.flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (options.cgroup_dir >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(options.cgroup_dir);
  }
  // The raw call: glibc's fork handlers and its cached thread id are not needed by a child that only execs.
  const long pid = syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0 && errno == ENOSYS) return CloneWithoutClone3(options, result);
  if (pid < 0) return -errno;
  result->pid = static_cast<pid_t>(pid);
  result->pidfd = pid == 0 ? -1 : pidfd;
  return 0;
}

absl::StatusOr<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("process ", pid));
  return fd;
}

absl::Status SendSignal(int pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("send signal ", signal));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> WaitFor(int pidfd) {
  siginfo_t info = {};
  while (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "wait for process");
  }
  return ExitStatus{.signaled = info.si_code != CLD_EXITED, .value = info.si_status};
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    KillAndReap();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

absl::StatusOr<ExitStatus> ChildProcess::Wait() {
  if (!running()) return absl::FailedPreconditionError("wait for a process that has been reaped");
  ASSIGN_OR_RETURN(const ExitStatus status, WaitFor(pidfd_.get()));
  (void)Release();
  return status;
}

void ChildProcess::KillAndReap() {
  if (!running()) return;
  (void)SendSignal(pidfd_.get(), SIGKILL);  // it may have ended: then there is only the reaping
  (void)Wait();
}

UniqueFd ChildProcess::Release() {
  pid_ = -1;
  return std::move(pidfd_);
}

absl::StatusOr<uint64_t> StartTimeOf(pid_t pid) {
  char path[32];
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char buffer[1024];
  const ssize_t count = fd.valid() ? read(fd.get(), buffer, sizeof(buffer)) : -1;
  if (count < 0) return ErrnoStatus(errno, absl::StrCat("process ", pid));
  const absl::string_view line(buffer, static_cast<size_t>(count));
  // Field 2 is the name in parentheses and may hold anything; the last ')' ends it.
  const size_t close = line.rfind(')');
  if (close != absl::string_view::npos) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line.substr(close + 1), ' ', absl::SkipEmpty());
    uint64_t start = 0;
    if (fields.size() > 19 && absl::SimpleAtoi(fields[19], &start)) return start;
  }
  return absl::InternalError(absl::StrCat("process ", pid, ": unreadable /proc stat line"));
}

int SetCloseOnExecFrom(int first) {
  const unsigned from = static_cast<unsigned>(first);
  if (close_range(from, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return 0;
  // Linux before 5.11: one by one, up to the limit on descriptors.
  const long limit = sysconf(_SC_OPEN_MAX);
  for (int fd = first; fd < limit; ++fd) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);  // most are not open
  return 0;
}

int DieWithParent(int signal, int parent_socket) {
  if (prctl(PR_SET_PDEATHSIG, signal) != 0) return -errno;
  // The signal is lost if the parent ended before the call. getppid() can't tell: it is 0 in a new pid
  // namespace.
  pollfd peer = {.fd = parent_socket, .events = POLLRDHUP, .revents = 0};
  if (poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLRDHUP)) != 0) return -ESRCH;
  return 0;
}

}  // namespace coracle::os
