// Asking long work to stop: a flag that a signal handler may set and every thread may read or wait for.
#ifndef CORACLE_OS_CANCEL_H_
#define CORACLE_OS_CANCEL_H_

#include <atomic>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "os/thread.h"
#include "os/unique_fd.h"

namespace coracle::os {

// Whoever works long looks at it between two reads or steps, stops with Check()'s error and leaves what the
// same work would leave on any other error.
class CancelFlag {
 public:
  CancelFlag();
  CancelFlag(const CancelFlag&) = delete;
  CancelFlag& operator=(const CancelFlag&) = delete;

  // Async-signal-safe.
  void Set();
  bool IsSet() const { return set_.load(std::memory_order_relaxed); }
  // OK, or Cancelled "interrupted".
  absl::Status Check() const { return IsSet() ? absl::CancelledError("interrupted") : absl::OkStatus(); }
  // Readable once the flag is set; -1 if there was no descriptor to be had.
  int fd() const { return event_.get(); }

 private:
  std::atomic<bool> set_{false};
  UniqueFd event_;
};

// Calls `action`, in a thread of its own, when the flag is set while the watch exists: to wake those who are
// blocked in something that does not look at flags. The destructor waits for an action that is under way.
class CancelWatch {
 public:
  CancelWatch(const CancelFlag& flag, std::function<void()> action);
  ~CancelWatch();

 private:
  UniqueFd stop_;
  std::optional<Thread> thread_;
};

}  // namespace coracle::os

#endif  // CORACLE_OS_CANCEL_H_
