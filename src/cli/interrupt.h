// Ctrl-C during long work: stop in order the first time, at once the second.
#ifndef CORACLE_CLI_INTERRUPT_H_
#define CORACLE_CLI_INTERRUPT_H_

#include <signal.h>

#include "absl/status/status.h"
#include "os/cancel.h"

namespace coracle::cli {

// While it lives SIGINT, SIGTERM and SIGHUP set the flag, each once; a second one of the same has its default
// action. One object at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  const os::CancelFlag& flag() const { return flag_; }
  // `status`, or, if a signal came, an error with the exit code that shells give it (128 + signal).
  absl::Status Result(const absl::Status& status) const;

 private:
  os::CancelFlag flag_;
  struct sigaction before_[3];
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_INTERRUPT_H_
