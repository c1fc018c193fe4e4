#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/status.h"
#include "store/lock_holder.h"
#include "store/store.h"

namespace coracle::store {
namespace {

int SetLock(int fd, int command) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(fd, command, &lock);
}

// Interrupts a blocking call of this thread every second for as long as it lives; what was set up before is
// put back. A repeated timer: one that fires just before the call begins must not be the last.
class SecondTicks {
 public:
  SecondTicks() {
    struct sigaction action = {};
    action.sa_handler = [](int) {};  // no SA_RESTART: the call returns EINTR
    sigaction(SIGALRM, &action, &old_action_);
    sigset_t alarm_set;
    sigemptyset(&alarm_set);
    sigaddset(&alarm_set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_set, &old_mask_);
    struct sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
    armed_ = true;
    const struct itimerspec every_second = {{1, 0}, {1, 0}};
    timer_settime(timer_, 0, &every_second, nullptr);
  }
  SecondTicks(const SecondTicks&) = delete;
  SecondTicks& operator=(const SecondTicks&) = delete;
  ~SecondTicks() {
    if (armed_) timer_delete(timer_);
    pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    sigaction(SIGALRM, &old_action_, nullptr);
  }

 private:
  struct sigaction old_action_ = {};
  sigset_t old_mask_ = {};
  timer_t timer_ = {};
  bool armed_ = false;
};

double SecondsSince(const struct timespec& start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec - start.tv_sec) +
         static_cast<double>(now.tv_nsec - start.tv_nsec) / 1e9;
}

// Blocks until the lock is ours. Says once, after a second, for whom it waits.
absl::Status Wait(int fd, absl::string_view what) {
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  {
    const SecondTicks ticks;
    while (SecondsSince(start) < 0.9) {
      if (SetLock(fd, F_OFD_SETLKW) == 0) return absl::OkStatus();
      if (errno != EINTR) return ErrnoStatus(errno, "lock");
    }
  }
  const std::string line = absl::StrCat("waiting for ", what, ", held by ", DescribeLockHolder(fd), "\n");
  (void)os::WriteAll(STDERR_FILENO, line);  // best effort: the wait goes on
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

}  // namespace

absl::StatusOr<FileLock> FileLock::Acquire(const std::string& path, absl::string_view what) {
  for (;;) {
    ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0600));
    if (SetLock(fd.get(), F_OFD_SETLK) != 0) {
      if (errno != EAGAIN && errno != EACCES) return ErrnoStatus(errno, absl::StrCat("lock ", path));
      RETURN_IF_ERROR(Wait(fd.get(), what), path);
    }
    if (StillLinked(fd.get())) return FileLock(std::move(fd));
  }
}

absl::StatusOr<FileLock> FileLock::Try(const std::string& path) {
  for (;;) {
    ASSIGN_OR_RETURN(os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0600));
    if (SetLock(fd.get(), F_OFD_SETLK) != 0) {
      if (errno != EAGAIN && errno != EACCES) return ErrnoStatus(errno, absl::StrCat("lock ", path));
      return absl::FailedPreconditionError(absl::StrCat(path, " is locked by another process"));
    }
    if (StillLinked(fd.get())) return FileLock(std::move(fd));
  }
}

bool FileLock::IsHeld(const std::string& path) {
  const auto fd = os::OpenAt(AT_FDCWD, path, O_RDONLY);
  if (!fd.ok()) return false;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(fd->get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace coracle::store
