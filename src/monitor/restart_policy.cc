#include "monitor/restart_policy.h"

#include <algorithm>

namespace coracle::monitor {
namespace {

constexpr int64_t kFirstDelay = 100, kLongestDelay = 60000, kStableRun = 10000;

}  // namespace

int64_t RestartDecider::NextDelayMillis(int exit_code, int64_t ran_millis, uint32_t count,
                                        bool stop_requested) {
  if (!Enabled() || stop_requested) return -1;
  if (policy_.name() == "on-failure" &&
      (exit_code == 0 || (policy_.maximum_retries() != 0 && count >= policy_.maximum_retries()))) {
    return -1;
  }
  const bool anew = delay_millis_ == 0 || ran_millis >= kStableRun;
  delay_millis_ = anew ? kFirstDelay : std::min(delay_millis_ * 2, kLongestDelay);
  return delay_millis_;
}

}  // namespace coracle::monitor
