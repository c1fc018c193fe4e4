// When a container's health is checked. The check is a command of its own (`healthcheck run`), which records
// what it found: a monitor that waits for hours keeps no memory for it.
#ifndef CORACLE_MONITOR_HEALTH_TIMER_H_
#define CORACLE_MONITOR_HEALTH_TIMER_H_

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "monitor/monitor.h"
#include "os/process.h"

namespace coracle::monitor {

class HealthTimer {
 public:
  // `plan` outlives it.
  explicit HealthTimer(const HealthPlan* plan) : plan_(plan) {}
  HealthTimer(const HealthTimer&) = delete;
  HealthTimer& operator=(const HealthTimer&) = delete;
  ~HealthTimer();

  // A run has begun. The first check is due after an interval.
  void BeginRun();
  void EndRun() { running_ = false; }

  // As NetworkSession's.
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis) const;
  // `status`: what the last check recorded; asked only when one has ended.
  void Dispatch(const pollfd* polls, size_t count, const std::function<std::string()>& status);
  // Whether a check of this run has found it healthy.
  bool WasHealthy() const { return was_healthy_; }

 private:
  int64_t Interval() const;

  const HealthPlan* plan_;
  bool running_ = false, was_healthy_ = false;
  int64_t begun_millis_ = 0, due_millis_ = 0;  // monotonic
  os::ChildProcess check_;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_HEALTH_TIMER_H_
