#include "os/file_wait.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "base/status.h"
#include "os/file.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace coracle::os {
namespace {

int SetLock(int fd, int command) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(fd, command, &lock);
}

// What SIGALRM does while any thread waits: nothing. The action from before comes back with the last of them.
class IgnoredAlarm {
 public:
  static void Enter() {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (++users_ > 1) return;
    struct sigaction action = {};
    action.sa_handler = [](int) {};  // no SA_RESTART: the call returns EINTR
    sigaction(SIGALRM, &action, &old_action_);
  }
  static void Leave() {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (--users_ == 0) sigaction(SIGALRM, &old_action_, nullptr);
  }

 private:
  static constinit inline std::mutex mutex_;
  static constinit inline int users_ = 0;
  static constinit inline struct sigaction old_action_ = {};
};

// Interrupts this thread's blocking calls twice a second for as long as it lives. A repeated timer: one that
// fires just before the call begins must not be the last.
class ThreadTicks {
 public:
  ThreadTicks() {
    IgnoredAlarm::Enter();
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
    if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
    armed_ = true;
    sigset_t alarm_set;
    sigemptyset(&alarm_set);
    sigaddset(&alarm_set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_set, &old_mask_);
    const struct itimerspec interval = {{0, 500000000}, {0, 500000000}};
    timer_settime(timer_, 0, &interval, nullptr);
  }
  ThreadTicks(const ThreadTicks&) = delete;
  ThreadTicks& operator=(const ThreadTicks&) = delete;
  // The last tick has been delivered when timer_delete returns: the signal is not blocked in this thread.
  ~ThreadTicks() {
    if (armed_) {
      timer_delete(timer_);
      pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    }
    IgnoredAlarm::Leave();
  }

 private:
  sigset_t old_mask_ = {};
  timer_t timer_ = {};
  bool armed_ = false;
};

constexpr int kTicksUntilSaid = 2;  // a second

absl::Status Wait(int fd, const CancelFlag* cancel, const std::function<void(int)>& waiting) {
  {
    const ThreadTicks ticks;
    for (int tick = 1; cancel != nullptr || tick <= kTicksUntilSaid; ++tick) {
      if (SetLock(fd, F_OFD_SETLKW) == 0) return absl::OkStatus();
      if (errno != EINTR) return ErrnoStatus(errno, "lock");
      if (cancel != nullptr) RETURN_IF_ERROR(cancel->Check());
      if (tick == kTicksUntilSaid && waiting != nullptr) waiting(fd);
    }
  }
  while (SetLock(fd, F_OFD_SETLKW) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "lock");
  }
  return absl::OkStatus();
}

// Whoever removes a locked file unlinks it while holding the lock: then the lock we got is on nothing.
bool StillLinked(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && info.st_nlink > 0;
}

absl::StatusOr<UniqueFd> Lock(const std::string& path, bool wait, const CancelFlag* cancel,
                              const std::function<void(int)>& waiting) {
  for (;;) {
    ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0600));
    if (SetLock(fd.get(), F_OFD_SETLK) != 0) {
      if (errno != EAGAIN && errno != EACCES) return ErrnoStatus(errno, absl::StrCat("lock ", path));
      if (!wait) return absl::FailedPreconditionError(absl::StrCat(path, " is locked by another process"));
      RETURN_IF_ERROR(Wait(fd.get(), cancel, waiting), path);
    }
    if (StillLinked(fd.get())) return fd;
  }
}

}  // namespace

absl::StatusOr<UniqueFd> LockFile(const std::string& path, const CancelFlag* cancel,
                                  const std::function<void(int fd)>& waiting) {
  return Lock(path, /*wait=*/true, cancel, waiting);
}

absl::StatusOr<UniqueFd> TryLockFile(const std::string& path) {
  return Lock(path, /*wait=*/false, nullptr, nullptr);
}

}  // namespace coracle::os
