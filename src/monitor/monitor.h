// The per-container process: parent of the first process; relays stdio, writes the log, serves attach
// clients, records the exit, tears down, ends.
#ifndef CORACLE_MONITOR_MONITOR_H_
#define CORACLE_MONITOR_MONITOR_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "monitor/network_session.h"
#include "oci/runtime_spec.h"
#include "os/overlay_mount.h"
#include "os/unique_fd.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/seccomp.h"
#include "store/store.h"

namespace coracle::monitor {

// How one run ended.
struct ExitInfo {
  int exit_code = 0;  // 128+signal if killed
  bool oom_killed = false;
  bool timed_out = false;  // --timeout
  int64_t started_unix_nanos = 0, finished_unix_nanos = 0;
  std::string error;  // why it never started, if so
  uint32_t restart_count = 0;
};

// The timer of a container's health checks.
struct HealthPlan {
  std::vector<std::string> command;  // does one check, with this program; empty: no timer
  int64_t interval_millis = 0;       // from the end of one check to the next
  int64_t start_period_millis = 0;
  int64_t start_interval_millis = 0;  // in the start period, until a check has passed
};

struct LaunchPlan {
  std::string id, name;
  std::string run_dir;        // <runroot>/containers/<id>: state, attach.sock
  std::string container_dir;  // <root>/containers/<id>: log by default
  std::string bundle;  // absolute; where config.json is written if an external runtime or a hook wants it
  oci::Spec spec;
  std::optional<os::OverlayOptions> root_overlay;
  // Sources of binds, by destination, that are made in the monitor for each start.
  std::vector<std::pair<std::string, std::function<absl::StatusOr<os::UniqueFd>()>>> trees;
  runtime::CgroupRequest cgroup;
  std::optional<runtime::SeccompFilter> seccomp;
  store::LogConfig log;
  store::RestartPolicy restart;
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = true;    // close the container's stdin when the attached client that sends it leaves
  bool foreground = false;   // an attach connection over a socketpair is made, with stdin if open_stdin
  bool passthrough = false;  // log driver passthrough: the container gets our own stdio
  bool hold = false;         // `init`: wait before exec until a kStart message comes
  uint64_t timeout_seconds = 0;
  uint32_t stop_timeout_seconds = 10;
  int stop_signal = 15;
  std::string sdnotify;  // container, conmon, healthy, ignore
  HealthPlan health;
  std::string pid_file, monitor_pid_file;
  int preserve_fds = 0;
  std::vector<int> passed_fds;   // kept, and passed on to the container behind those
  std::string external_runtime;  // path of an OCI runtime to drive instead of the built-in one
  std::vector<std::string> external_runtime_args;
  store::ContainerState state;  // what the engine already knows; the monitor fills pid etc. and writes it
  // Called in the monitor for each start, after the first process's namespaces exist. May be null: then there
  // is no network to connect. What it returns is served until the run has ended.
  ConnectNetwork connect_network;
  std::vector<int> kept_fds;  // of connect_network: the monitor does not close them
  // The monitor's own: what calls connect_network.
  std::function<absl::Status(pid_t)> on_namespaces;
  // Called in the monitor when the container's record has changed: puts restart, state.cgroup_paths and the
  // limits in cgroup right. May be null.
  std::function<void(LaunchPlan&)> reload;
  // Starts it with this program: for a monitor that was told to restart when it had already given up what it
  // takes.
  std::vector<std::string> start_command;
  // Called in the monitor when a run has begun: "init" (set up), "start", before them "restart". May be null.
  std::function<void(absl::Span<const absl::string_view> what)> on_begin;
  // Called in the monitor when a run has ended after which another one may come. May be null.
  std::function<void(const ExitInfo&)> on_pause;
  // Called in the monitor when the container has ended for good, after the cgroup is gone and before the
  // liveness lock is released: writes the exit record, and for --rm removes the container.
  std::function<void(const ExitInfo&)> on_end;
  // May be null. Called after the attached clients have heard the exit code, with the liveness lock still
  // held: the slow part of clearing away, for a container whose record on_end has removed.
  std::function<void()> after_end;
};

struct Launched {
  pid_t monitor_pid = -1;
  pid_t pid = -1;
  os::UniqueFd attach;  // with foreground: the client end (see attach_client.h)
};

// Forks the monitor and waits until the container runs (or is held), or for the error of its start, which is
// returned as it was (code, exit code, hint). `lock` is the liveness lock: it goes over to the monitor. On
// error everything made here is gone and on_end has not been called.
absl::StatusOr<Launched> Launch(LaunchPlan plan, store::FileLock lock);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_MONITOR_H_
