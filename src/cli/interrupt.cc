#include "cli/interrupt.h"

#include <atomic>

#include "base/status.h"

namespace coracle::cli {
namespace {

constexpr int kSignals[3] = {SIGINT, SIGTERM, SIGHUP};

std::atomic<os::CancelFlag*> flag_to_set{nullptr};
std::atomic<int> signal_seen{0};

void OnSignal(int number) {
  signal_seen = number;
  os::CancelFlag* const flag = flag_to_set;
  if (flag != nullptr) flag->Set();
}

}  // namespace

InterruptGuard::InterruptGuard() {
  signal_seen = 0;
  flag_to_set = &flag_;
  struct sigaction action = {};
  action.sa_handler = &OnSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (int i = 0; i < 3; ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    // Who was started with it ignored (nohup) goes on ignoring it.
    if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (int i = 0; i < 3; ++i) sigaction(kSignals[i], &before_[i], nullptr);
  flag_to_set = nullptr;
}

absl::Status InterruptGuard::Result(const absl::Status& status) const {
  if (status.ok() || !flag_.IsSet()) return status;
  return WithExitCode(absl::CancelledError("interrupted: what was fetched is kept for the next try"),
                      128 + signal_seen);
}

}  // namespace coracle::cli
