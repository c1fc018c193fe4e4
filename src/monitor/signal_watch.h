// Signals to a command that stands in for a container's process, as readable events.
#ifndef CORACLE_MONITOR_SIGNAL_WATCH_H_
#define CORACLE_MONITOR_SIGNAL_WATCH_H_

#include <csignal>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

// Blocks signals and gives them through a signalfd; the old mask is back when it is destroyed.
//
// Watched are all that end a process by default, but for those of the kernel about ourselves (SIGSEGV ...)
// and SIGPIPE; with `window` also SIGWINCH. Stop signals keep their effect: Ctrl-Z stops the command, not the
// container.
class SignalWatch {
 public:
  static absl::StatusOr<SignalWatch> Create(bool window);
  SignalWatch(SignalWatch&& other) noexcept
      : fd_(std::move(other.fd_)), old_mask_(other.old_mask_), active_(other.active_) {
    other.active_ = false;
  }
  SignalWatch& operator=(SignalWatch&&) = delete;
  SignalWatch(const SignalWatch&) = delete;
  ~SignalWatch();
  int fd() const { return fd_.get(); }
  // The next one, 0 if there is none.
  int Next();

 private:
  SignalWatch() : old_mask_() {}
  os::UniqueFd fd_;
  sigset_t old_mask_;
  bool active_ = false;
};

// Ends this process as `signal` would have. The caller has put everything back before.
[[noreturn]] void DieOf(int signal);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_SIGNAL_WATCH_H_
