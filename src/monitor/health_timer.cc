#include "monitor/health_timer.h"

#include <algorithm>

#include "base/monotonic.h"
#include "monitor/own_program.h"

namespace coracle::monitor {

int64_t HealthTimer::Interval() const {
  const bool starting = !was_healthy_ && MonotonicMillis() - begun_millis_ < plan_->start_period_millis;
  return starting ? plan_->start_interval_millis : plan_->interval_millis;
}

void HealthTimer::BeginRun() {
  if (plan_->command.empty()) return;
  running_ = true;
  was_healthy_ = false;
  begun_millis_ = MonotonicMillis();
  due_millis_ = begun_millis_ + Interval();
}

HealthTimer::~HealthTimer() {
  // It ends by itself, or is what starts the container again.
  if (check_.running()) (void)check_.Release();
}

void HealthTimer::Prepare(std::vector<pollfd>* polls, int* timeout_millis) const {
  if (check_.running()) {
    polls->push_back({check_.pidfd(), POLLIN, 0});
  } else if (running_) {
    const int64_t left = std::clamp<int64_t>(due_millis_ - MonotonicMillis(), 0, 1 << 30);
    if (*timeout_millis < 0 || left < *timeout_millis) *timeout_millis = static_cast<int>(left);
  }
}

void HealthTimer::Dispatch(const pollfd* polls, size_t count, const std::function<std::string()>& status) {
  if (check_.running()) {
    if (count == 0 || polls[0].revents == 0) return;
    (void)check_.Wait();  // what it found is in its record
    was_healthy_ = was_healthy_ || (running_ && status() == "healthy");
    due_millis_ = MonotonicMillis() + Interval();
  } else if (running_ && MonotonicMillis() >= due_millis_) {
    check_ = SpawnOwnProgram(plan_->command);
    due_millis_ = MonotonicMillis() + Interval();  // if there is no child: the next try
  }
}

}  // namespace coracle::monitor
