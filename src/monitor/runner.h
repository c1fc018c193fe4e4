// What starts and clears away a container for its monitor: the built-in runtime, another OCI runtime, or a
// test's plain process.
#ifndef CORACLE_MONITOR_RUNNER_H_
#define CORACLE_MONITOR_RUNNER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "monitor/monitor.h"
#include "runtime/container.h"

namespace coracle::monitor {

class Runner {
 public:
  virtual ~Runner() = default;
  // Makes the cgroup and the first process, a child of this one. On error nothing is left.
  virtual absl::StatusOr<runtime::Container> Create(const runtime::Stdio& stdio) = 0;
  // Lets a held process go on to exec.
  virtual absl::Status Start(runtime::Container& container) = 0;
  virtual std::vector<std::string> CgroupPaths() const { return {}; }
  // The container's cgroup has got further directories.
  virtual void AdoptCgroup(const std::vector<std::string>& paths) { (void)paths; }
  virtual bool OomKilled() const { return false; }
  // Ends processes that outlived the first one (it had no pid namespace of its own).
  virtual void KillLeftovers() {}
  // After the end: what Create made goes; Create may be called again.
  virtual void Teardown() {}
};

// `plan` outlives the runner.
std::unique_ptr<Runner> NewBuiltinRunner(const LaunchPlan& plan);
std::unique_ptr<Runner> NewExternalRunner(const LaunchPlan& plan);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_RUNNER_H_
