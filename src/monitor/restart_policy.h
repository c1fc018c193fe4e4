// Whether and when a container that ended is started again.
#ifndef CORACLE_MONITOR_RESTART_POLICY_H_
#define CORACLE_MONITOR_RESTART_POLICY_H_

#include <cstdint>

#include "store/records.pb.h"

namespace coracle::monitor {

// The wait doubles from 100 ms to a minute, and begins anew after a run of 10 s, as docker's.
class RestartDecider {
 public:
  explicit RestartDecider(const store::RestartPolicy& policy) : policy_(policy) {}
  void Change(const store::RestartPolicy& policy) { policy_ = policy; }
  bool Enabled() const { return !policy_.name().empty() && policy_.name() != "no"; }
  // Milliseconds until the next start, or -1 for none. `count` is the number of restarts so far.
  int64_t NextDelayMillis(int exit_code, int64_t ran_millis, uint32_t count, bool stop_requested);

 private:
  store::RestartPolicy policy_;
  int64_t delay_millis_ = 0;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_RESTART_POLICY_H_
