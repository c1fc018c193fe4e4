// Processes: clone3, pidfds, waiting, and what a child sets on itself.
#ifndef CORACLE_OS_PROCESS_H_
#define CORACLE_OS_PROCESS_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::os {

struct CloneOptions {
  uint64_t flags = 0;   // CLONE_NEW* and CLONE_PARENT; CLONE_PIDFD is added
  int cgroup_dir = -1;  // >= 0: the child is born in this cgroup v2 directory
};
struct CloneResult {
  pid_t pid = -1;  // 0 in the child
  int pidfd = -1;  // in the parent, close-on-exec, owned by the caller
};
// fork(2) with namespaces; the child shares nothing with its parent. The caller is single-threaded. Returns 0
// or -errno; allocates nothing. Falls back to clone(2) where clone3 is missing or filtered (Linux before 5.3,
// old container seccomp profiles); a wish for a cgroup is then -EOPNOTSUPP.
int CloneProcess(const CloneOptions& options, CloneResult* result);

// pidfd_open(2). Errors: NotFound if there is no such process.
absl::StatusOr<UniqueFd> OpenPidfd(pid_t pid);
// pidfd_send_signal(2). Errors: NotFound if it has ended.
absl::Status SendSignal(int pidfd, int signal);

struct ExitStatus {
  bool signaled = false;
  int value = 0;  // exit code, or signal number
  // As shells and engines report it: code, or 128 + signal.
  int Code() const { return signaled ? 128 + value : value; }
};
// Waits for a child by its pidfd and reaps it. EINTR is retried.
absl::StatusOr<ExitStatus> WaitFor(int pidfd);

// A child process. Invariants: empty, or a child not yet reaped. Destroying it kills and reaps it, unless
// Release()d.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { KillAndReap(); }

  bool running() const { return pidfd_.valid(); }
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  absl::StatusOr<ExitStatus> Wait();
  void KillAndReap();
  // Gives the process up: nobody kills or reaps it any more but the caller.
  UniqueFd Release();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// Field 22 of /proc/PID/stat: clock ticks from boot to the process's start. With the pid it names a process
// for good. Errors: NotFound if there is no such process.
absl::StatusOr<uint64_t> StartTimeOf(pid_t pid);

// Marks every descriptor from `first` on close-on-exec. 0 or -errno; allocates nothing.
int SetCloseOnExecFrom(int first);

// Sends the calling process `signal` when the thread that made it ends; `parent_socket` is a socket whose
// other end only the parent holds, by which a parent that has already ended is seen. 0 or -errno (-ESRCH: it
// has ended).
int DieWithParent(int signal, int parent_socket);

}  // namespace coracle::os

#endif  // CORACLE_OS_PROCESS_H_
