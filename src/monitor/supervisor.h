// The life of one container as its monitor sees it: start, relay, end, perhaps again, and the clearing away.
#ifndef CORACLE_MONITOR_SUPERVISOR_H_
#define CORACLE_MONITOR_SUPERVISOR_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "monitor/health_timer.h"
#include "monitor/monitor.h"
#include "monitor/notify_proxy.h"
#include "monitor/relay.h"
#include "monitor/restart_policy.h"
#include "monitor/runner.h"

namespace coracle::monitor {

class Supervisor {
 public:
  // `plan` outlives the supervisor and is emptied of what is no longer needed. `client` is the foreground
  // connection or empty; `own_stdio` what the container gets with the driver passthrough.
  Supervisor(LaunchPlan* plan, std::unique_ptr<Runner> runner, os::UniqueFd client, runtime::Stdio own_stdio);

  // Log, attach socket, first process, state and pid files. On error all of it is gone again.
  absl::StatusOr<pid_t> Start();
  // Serves until the container has ended for good and everything is cleared away, on_end included; then
  // `release_lock` is called, clients get the exit code, and the code is returned.
  int Run(const std::function<void()>& release_lock);

 private:
  absl::Status StartOnce();
  absl::Status OpenListener();
  absl::StatusOr<ContainerStdio> MakeStdio(runtime::Stdio* theirs, std::vector<os::UniqueFd>* theirs_owned);
  absl::Status WriteRunning();
  void WriteState();
  absl::Status StartHeld();
  void SendSignal(int signal);
  void StopRequested();
  void Reload();
  void ServeUntilExit();
  void Drain();
  // Serves clients until the time has passed; false if a stop was requested meanwhile.
  bool WaitForRestart(int64_t delay_millis);
  // Restarts as the policy says; false when this was the last run.
  bool Restart();
  void EndRun();
  void RunPoststopHooks();
  void Undo();
  void CheckHealth(const pollfd* polls, size_t count);
  // One poll over relay, network, health checks, notify socket, first process and deadline. True if the first
  // process ended.
  bool Round(int timeout_millis);
  bool PassesOnTerm() const;
  // Frees what only a start needs.
  void DropPlan();

  LaunchPlan* plan_;
  std::unique_ptr<Runner> runner_;
  store::Store store_;
  std::optional<Relay> relay_;
  std::optional<NotifyProxy> notify_;
  const bool detached_;
  os::UniqueFd client_;
  runtime::Stdio own_stdio_;
  runtime::Container container_;
  std::unique_ptr<NetworkSession> network_;
  HealthTimer health_;
  RestartDecider restart_;
  ExitInfo exit_;
  bool held_ = false, stop_requested_ = false, plan_dropped_ = false, start_anew_ = false;
  int64_t started_monotonic_millis_ = 0;
  std::vector<pollfd> polls_;
};

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_SUPERVISOR_H_
