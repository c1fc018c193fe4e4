// Threads that take no signals: those stay with the thread that started them.
#ifndef CORACLE_OS_THREAD_H_
#define CORACLE_OS_THREAD_H_

#include <pthread.h>

#include <functional>
#include <memory>

#include "absl/status/statusor.h"

namespace coracle::os {

// Joined when destroyed. A process that clones containers or enters user namespaces has one thread then: all
// of these have ended.
class Thread {
 public:
  // Errors: the errno of pthread_create(3).
  static absl::StatusOr<Thread> Start(std::function<void()> work);
  Thread(Thread&& other) noexcept : thread_(other.thread_), work_(std::move(other.work_)) {}
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { Join(); }
  void Join();

 private:
  Thread() = default;

  pthread_t thread_ = {};
  std::unique_ptr<std::function<void()>> work_;  // null: joined or moved from
};

// Calls work(i) for each i below `count`, in order of i, on at most `threads` threads, of which the caller's
// is none. After a call that gives an error no more are begun and `stop`, if given, is called, once. Gives
// the first error, when all have ended. If not even one thread can be started, all are called here.
absl::Status RunParallel(size_t count, size_t threads, const std::function<absl::Status(size_t)>& work,
                         const std::function<void()>& stop = nullptr);

}  // namespace coracle::os

#endif  // CORACLE_OS_THREAD_H_
