#include "os/thread.h"

#include <signal.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/status.h"

namespace coracle::os {
namespace {

void* ThreadMain(void* work) {
  (*static_cast<std::function<void()>*>(work))();
  return nullptr;
}

}  // namespace

absl::StatusOr<Thread> Thread::Start(std::function<void()> work) {
  Thread thread;
  thread.work_ = std::make_unique<std::function<void()>>(std::move(work));
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the thread
  const int error = pthread_create(&thread.thread_, nullptr, &ThreadMain, thread.work_.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) return thread;
  thread.work_.reset();
  return ErrnoStatus(error, "start a thread");
}

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this == &other) return *this;
  Join();
  thread_ = other.thread_;
  work_ = std::move(other.work_);
  return *this;
}

void Thread::Join() {
  if (work_ == nullptr) return;
  pthread_join(thread_, nullptr);
  work_.reset();
}

absl::Status RunParallel(size_t count, size_t threads, const std::function<absl::Status(size_t)>& work,
                         const std::function<void()>& stop) {
  std::mutex mutex;
  size_t next = 0;
  absl::Status first;
  const auto loop = [&] {
    for (;;) {
      size_t mine;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        if (next == count || !first.ok()) return;
        mine = next++;
      }
      const absl::Status status = work(mine);
      if (status.ok()) continue;
      bool is_first;
      {
        const std::lock_guard<std::mutex> lock(mutex);
        is_first = first.ok();
        if (is_first) first = status;
      }
      if (is_first && stop != nullptr) stop();
      return;
    }
  };
  {
    std::vector<Thread> pool;
    for (size_t i = 0; i < std::min(count, std::max<size_t>(threads, 1)); ++i) {
      auto thread = Thread::Start(loop);
      if (!thread.ok()) break;
      pool.push_back(*std::move(thread));
    }
    if (pool.empty()) loop();
  }
  return first;
}

}  // namespace coracle::os
