#include "engine/health.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/time_format.h"
#include "engine/exec.h"
#include "monitor/captured_exec.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::HealthConfig;
using store::HealthState;

// docker's and podman's defaults.
constexpr int64_t kSecond = 1'000'000'000, kInterval = 30 * kSecond, kTimeout = 30 * kSecond,
                  kStartInterval = 5 * kSecond;
constexpr uint32_t kRetries = 3;
constexpr int kKeptChecks = 5;
constexpr size_t kMaxOutputBytes = 4096;

constexpr char kStarting[] = "starting", kHealthy[] = "healthy", kUnhealthy[] = "unhealthy";

bool IsChecked(const store::ContainerRecord& record) { return !record.config().health().test().empty(); }

// The program of {"CMD", ...} or {"CMD-SHELL", command}.
std::vector<std::string> ProgramOf(const google::protobuf::RepeatedPtrField<std::string>& test) {
  std::vector<std::string> words(test.begin() + 1, test.end());
  if (test[0] == "CMD-SHELL") return {"/bin/sh", "-c", absl::StrJoin(words, " ")};
  return words;
}

absl::StatusOr<store::HealthLogEntry> RunCheck(Engine& engine, const ContainerView& view, bool startup) {
  const HealthConfig& config = view.record.config().health();
  ExecSpec spec;
  spec.args = ProgramOf(startup ? config.startup_test() : config.test());
  PlannedExec planned;
  RETURN_IF_ERROR(PlanExec(engine, view, spec, planned));
  store::HealthLogEntry entry;
  entry.set_start_unix_nanos(absl::GetCurrentTimeNanos());
  auto done = monitor::RunExecCaptured(std::move(planned.request), kMaxOutputBytes,
                                       config.timeout_nanos() / 1'000'000);
  entry.set_end_unix_nanos(absl::GetCurrentTimeNanos());
  if (!done.ok()) {
    // A command that does not exist is a check that fails.
    entry.set_exit_code(ExitCodeOf(done.status()).value_or(-1));
    entry.set_output(std::string(done.status().message()));
    return entry;
  }
  entry.set_exit_code(done->exit_code);
  entry.set_output(std::move(done->output));
  if (done->timed_out) {
    entry.set_output(absl::StrCat("health check exceeded its time of ",
                                  absl::FormatDuration(absl::Nanoseconds(config.timeout_nanos())), "\n",
                                  entry.output()));
  }
  return entry;
}

// As docker counts: failures of the start period are forgiven until one check has passed.
void Count(const HealthConfig& config, bool passed, bool startup, int64_t checked_at, HealthState& health) {
  if (startup) {
    health.set_startup_passed(passed);
    return;
  }
  if (passed) {
    health.set_failing_streak(0);
    health.set_status(kHealthy);
    return;
  }
  const bool forgiven = health.status() == kStarting &&
                        checked_at - health.run_started_unix_nanos() < config.start_period_nanos();
  if (forgiven) return;
  health.set_failing_streak(health.failing_streak() + 1);
  if (health.failing_streak() >= config.retries()) health.set_status(kUnhealthy);
}

// Adds `entry` to what is known by now; another check may have been recorded since this one began.
absl::StatusOr<HealthState> Record(Engine& engine, const ContainerView& view,
                                   const store::HealthLogEntry& entry, bool startup) {
  ASSIGN_OR_RETURN(
      const store::FileLock lock,
      store::FileLock::Acquire(absl::StrCat(engine.store.ContainerRunDir(view.record.id()), "/health.lock"),
                               "another health check"));
  HealthState health = HealthOf(engine, view).value_or(HealthState());
  const std::string before = health.status();
  const HealthConfig& config = view.record.config().health();
  Count(config, entry.exit_code() == 0, startup, entry.start_unix_nanos(), health);
  *health.add_log() = entry;
  if (health.log_size() > kKeptChecks) {
    health.mutable_log()->DeleteSubrange(0, health.log_size() - kKeptChecks);
  }
  RETURN_IF_ERROR(store::WriteHealth(engine.store, view.record.id(), health));
  if (health.status() != before) {
    store::EventRecord event = store::ContainerEvent(view.record, "health_status");
    store::AddAttribute(event, "health_status", health.status());
    store::AppendEvent(engine.store, event);
  }
  return health;
}

absl::Status StartAgain(Engine& engine, const ContainerView& view) {
  RETURN_IF_ERROR(Stop(engine, view, std::nullopt, std::nullopt));
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, view.record.id()));
  ASSIGN_OR_RETURN(const ContainerView ended, Look(engine, view.record.id()));
  if (IsRunning(ended)) return absl::OkStatus();
  return StartContainer(engine, ended.record, StartRequest()).status();
}

absl::Status ActOnFailure(Engine& engine, const ContainerView& view) {
  const std::string& action = view.record.config().health().on_failure();
  if (action == "kill") return Kill(engine, view, SIGKILL);
  if (action == "stop") return Stop(engine, view, std::nullopt, std::nullopt);
  if (action == "restart") return StartAgain(engine, view);
  return absl::OkStatus();
}

absl::Status Refuse(const ContainerView& view, absl::string_view why) {
  return WithExitCode(absl::FailedPreconditionError(absl::StrCat("container ", view.record.name(), " ", why)),
                      125);
}

}  // namespace

void MergeHealth(const oci::Healthcheck& image, store::ContainerConfig& config) {
  HealthConfig& health = *config.mutable_health();
  if (health.test().empty()) health.mutable_test()->Assign(image.test.begin(), image.test.end());
  if (!health.has_interval_nanos() && image.interval > 0) health.set_interval_nanos(image.interval);
  if (!health.has_timeout_nanos() && image.timeout > 0) health.set_timeout_nanos(image.timeout);
  if (!health.has_start_period_nanos()) health.set_start_period_nanos(image.start_period);
  if (!health.has_start_interval_nanos() && image.start_interval > 0) {
    health.set_start_interval_nanos(image.start_interval);
  }
  if (!health.has_retries() && image.retries > 0) {
    health.set_retries(static_cast<uint32_t>(std::min<int64_t>(image.retries, UINT32_MAX)));
  }
}

absl::Status CompleteHealth(store::ContainerConfig& config) {
  HealthConfig& health = *config.mutable_health();
  if (!health.test().empty() && (health.test(0) == "NONE" || health.test_size() < 2)) health.clear_test();
  if (health.test().empty()) {
    const bool wants_check = !health.startup_test().empty() || config.sdnotify() == "healthy";
    config.clear_health();
    if (!wants_check) return absl::OkStatus();
    return WithExitCode(
        WithHint(absl::InvalidArgumentError("a startup check and --sdnotify healthy need a health check"),
                 "give --health-cmd"),
        125);
  }
  if (!health.has_interval_nanos()) health.set_interval_nanos(kInterval);
  if (!health.has_timeout_nanos()) health.set_timeout_nanos(kTimeout);
  if (!health.has_start_period_nanos()) health.set_start_period_nanos(0);
  if (!health.has_start_interval_nanos()) health.set_start_interval_nanos(kStartInterval);
  if (!health.has_retries()) health.set_retries(kRetries);
  return absl::OkStatus();
}

monitor::HealthPlan HealthPlanOf(const Engine& engine, const store::ContainerRecord& record) {
  monitor::HealthPlan plan;
  const HealthConfig& config = record.config().health();
  if (!IsChecked(record) || config.interval_nanos() == 0) return plan;
  plan.command = engine.settings.own_command;
  for (const absl::string_view word : {"healthcheck", "run"}) plan.command.emplace_back(word);
  plan.command.push_back(record.id());
  const auto millis = [](int64_t nanos) { return std::max<int64_t>(nanos / 1'000'000, 1); };
  plan.interval_millis = millis(config.interval_nanos());
  plan.start_period_millis = config.start_period_nanos() / 1'000'000;
  plan.start_interval_millis = millis(config.start_interval_nanos());
  return plan;
}

std::optional<HealthState> HealthOf(const Engine& engine, const ContainerView& view) {
  if (!IsChecked(view.record)) return std::nullopt;
  auto health = store::ReadHealth(engine.store, view.record.id());
  const int64_t started = view.state.started_unix_nanos();
  const bool usable = health.ok() && (!IsRunning(view) || health->run_started_unix_nanos() == started);
  if (usable && !health->status().empty()) return *std::move(health);
  HealthState fresh;
  fresh.set_run_started_unix_nanos(started);
  fresh.set_status(kStarting);
  return fresh;
}

absl::StatusOr<bool> CheckHealth(Engine& engine, const ContainerView& view) {
  if (!IsChecked(view.record)) return Refuse(view, "has no health check");
  if (!IsRunning(view)) return Refuse(view, absl::StrCat("is ", StatusName(view), ", not running"));
  const bool startup = !view.record.config().health().startup_test().empty() && view.health.has_value() &&
                       !view.health->startup_passed();
  ASSIGN_OR_RETURN(const store::HealthLogEntry entry, RunCheck(engine, view, startup));
  // What was cut off because the container ended says nothing about its health.
  ASSIGN_OR_RETURN(const ContainerView now, Look(engine, view.record.id()));
  if (!IsRunning(now) || now.state.started_unix_nanos() != view.state.started_unix_nanos()) {
    return Refuse(view, "ended while its health was checked");
  }
  ASSIGN_OR_RETURN(const HealthState health, Record(engine, now, entry, startup));
  if (health.status() == kUnhealthy) {
    RETURN_IF_ERROR(ActOnFailure(engine, now), "act on the health of container ", view.record.name());
  }
  return entry.exit_code() == 0;
}

}  // namespace coracle::engine
