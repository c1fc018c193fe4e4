#include "monitor/supervisor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/monotonic.h"
#include "base/status.h"
#include "monitor/background.h"
#include "monitor/idle_poll.h"
#include "monitor/log_time.h"
#include "monitor/own_program.h"
#include "monitor/unix_socket.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::monitor {
namespace {

// Processes that outlive the first one and hold its output open are given this long after they were killed.
constexpr int64_t kDrainMillis = 500;
// After this much silence the monitor waits without memory.
constexpr int kIdleAfterMillis = 200;

// "<top>/containers/<id>" -> "<top>".
std::string TopOf(const std::string& container_dir) {
  const size_t id = container_dir.rfind('/');
  const size_t containers = id == std::string::npos ? id : container_dir.rfind('/', id - 1);
  return containers == std::string::npos ? container_dir : container_dir.substr(0, containers);
}

absl::Status MakePipe(os::UniqueFd* read_end, os::UniqueFd* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  read_end->Reset(ends[0]);
  write_end->Reset(ends[1]);
  return absl::OkStatus();
}

const char* ManagerSocket() {
  const char* value = getenv("NOTIFY_SOCKET");
  return value != nullptr ? value : "";
}

}  // namespace

Supervisor::Supervisor(LaunchPlan* plan, std::unique_ptr<Runner> runner, os::UniqueFd client,
                       runtime::Stdio own_stdio)
    : plan_(plan),
      runner_(std::move(runner)),
      store_(TopOf(plan->container_dir), TopOf(plan->run_dir)),
      detached_(!client.valid()),
      client_(std::move(client)),
      own_stdio_(own_stdio),
      health_(&plan->health),
      restart_(plan->restart) {
  if (!plan_->connect_network) return;
  plan_->on_namespaces = [this](pid_t pid) {
    absl::StatusOr<std::unique_ptr<NetworkSession>> session = plan_->connect_network(pid);
    if (session.ok()) network_ = *std::move(session);
    return session.status();
  };
}

absl::StatusOr<pid_t> Supervisor::Start() {
  // What can fail cheaply comes first: the log and the sockets.
  if (plan_->log.path().empty()) plan_->log.set_path(absl::StrCat(plan_->container_dir, "/ctr.log"));
  ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> log, LogWriter::Open(plan_->log));
  ASSIGN_OR_RETURN(os::UniqueFd listener, BindSocket(plan_->run_dir, "attach.sock", SOCK_STREAM));
  RelayHooks hooks;
  hooks.signal = [this](int signal) { SendSignal(signal); };
  hooks.start = [this] { return StartHeld(); };
  hooks.stop_requested = [this] { StopRequested(); };
  hooks.reload = [this] { Reload(); };
  relay_.emplace(std::move(log), std::move(listener), std::move(hooks));
  if (client_.valid()) relay_->AddClient(std::move(client_), /*foreground=*/true, plan_->open_stdin);
  absl::Status status;
  if (plan_->sdnotify == "container" && *ManagerSocket() != '\0') {
    absl::StatusOr<NotifyProxy> proxy = NotifyProxy::Create(plan_->run_dir, ManagerSocket(), &plan_->spec);
    if (proxy.ok()) notify_.emplace(*std::move(proxy));
    status = proxy.status();
  }
  FaultPoint("monitor.listening");
  if (status.ok()) status = StartOnce();
  if (!status.ok()) {
    Undo();
    return status;
  }
  if (plan_->sdnotify == "conmon") {
    SendNotify(ManagerSocket(), absl::StrCat("MAINPID=", getpid(), "\nREADY=1\n"));
  }
  return container_.pid;
}

absl::StatusOr<ContainerStdio> Supervisor::MakeStdio(runtime::Stdio* theirs,
                                                     std::vector<os::UniqueFd>* owned) {
  ContainerStdio ours;
  if (plan_->tty) return ours;
  if (plan_->passthrough) {
    *theirs = own_stdio_;
    return ours;
  }
  owned->resize(3);
  if (plan_->open_stdin) {
    RETURN_IF_ERROR(MakePipe(&(*owned)[0], &ours.in));
    theirs->in = (*owned)[0].get();
  }
  RETURN_IF_ERROR(MakePipe(&ours.out, &(*owned)[1]));
  RETURN_IF_ERROR(MakePipe(&ours.err, &(*owned)[2]));
  theirs->out = (*owned)[1].get();
  theirs->err = (*owned)[2].get();
  return ours;
}

absl::Status Supervisor::StartOnce() {
  runtime::Stdio theirs;
  std::vector<os::UniqueFd> theirs_owned;
  ASSIGN_OR_RETURN(ContainerStdio ours, MakeStdio(&theirs, &theirs_owned));
  absl::StatusOr<runtime::Container> created = runner_->Create(theirs);
  if (!created.ok()) network_.reset();
  ASSIGN_OR_RETURN(container_, std::move(created));
  FaultPoint("monitor.created");
  theirs_owned.clear();
  ours.console = std::move(container_.console);
  relay_->SetStdio(std::move(ours), plan_->stdin_once);
  held_ = plan_->hold;
  exit_ = ExitInfo{.started_unix_nanos = NowUnixNanos(), .restart_count = exit_.restart_count};
  started_monotonic_millis_ = MonotonicMillis();
  if (PassesOnTerm()) PassOnTerm(container_.pidfd.get(), plan_->stop_signal);
  RETURN_IF_ERROR(WriteRunning());
  if (!held_) health_.BeginRun();
  if (plan_->on_begin) {
    static constexpr absl::string_view kAll[] = {"restart", "init", "start"};
    const absl::Span<const absl::string_view> all(kAll);
    plan_->on_begin(all.subspan(exit_.restart_count > 0 ? 0 : 1, held_ ? 1 : 3));
  }
  return absl::OkStatus();
}

// Elsewhere the container gets it too, from systemd or from the command in the foreground.
bool Supervisor::PassesOnTerm() const {
  const runtime::CgroupRequest& cgroup = plan_->cgroup;
  return detached_ && !cgroup.systemd && !cgroup.split && !runner_->CgroupPaths().empty();
}

absl::Status Supervisor::WriteRunning() {
  store::ContainerState& state = plan_->state;
  state.set_status(held_ ? store::INITIALIZED : store::RUNNING);
  if (state.boot_id().empty()) state.set_boot_id(store::BootId());
  if (state.monitor_pid() != getpid()) {
    state.set_monitor_pid(getpid());
    ASSIGN_OR_RETURN(const uint64_t start_time, os::StartTimeOf(getpid()));
    state.set_monitor_start_time(start_time);
  }
  state.set_pid(container_.pid);
  state.set_pid_start_time(container_.start_time);
  state.set_started_unix_nanos(exit_.started_unix_nanos);
  state.set_restart_count(exit_.restart_count);
  state.clear_networks();
  state.clear_ports();
  if (network_ != nullptr) network_->Describe(&state);
  state.clear_cgroup_paths();
  for (const std::string& path : runner_->CgroupPaths()) state.add_cgroup_paths(path);
  RETURN_IF_ERROR(store::WriteState(store_, plan_->id, state));
  if (!plan_->pid_file.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, plan_->pid_file, absl::StrCat(container_.pid)), "pid file");
  }
  if (!plan_->monitor_pid_file.empty()) {
    RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, plan_->monitor_pid_file, absl::StrCat(getpid())), "pid file");
  }
  return absl::OkStatus();
}

// Later changes of state: a full run directory must not end a running container.
void Supervisor::WriteState() { (void)store::WriteState(store_, plan_->id, plan_->state); }

void Supervisor::Undo() {
  if (container_.pidfd.valid()) {
    (void)os::SendSignal(container_.pidfd.get(), SIGKILL);
    (void)os::WaitFor(container_.pidfd.get());
  }
  network_.reset();
  runner_->Teardown();
  relay_->CloseStdio();
  (void)unlink(absl::StrCat(plan_->run_dir, "/attach.sock").c_str());
  (void)os::RemoveTreeAt(AT_FDCWD, absl::StrCat(plan_->run_dir, "/notify"));
  if (!plan_->pid_file.empty()) (void)unlink(plan_->pid_file.c_str());
  if (!plan_->monitor_pid_file.empty()) (void)unlink(plan_->monitor_pid_file.c_str());
}

absl::Status Supervisor::StartHeld() {
  if (!held_) return absl::FailedPreconditionError(absl::StrCat("container ", plan_->name, " already runs"));
  held_ = false;
  const absl::Status status = runner_->Start(container_);
  if (!status.ok()) {
    // The process has ended or ends now; the loop sees it and records this error.
    exit_.error = StatusLine(status);
    exit_.exit_code = ExitCodeOf(status).value_or(125);
    (void)os::SendSignal(container_.pidfd.get(), SIGKILL);
    return status;
  }
  started_monotonic_millis_ = MonotonicMillis();
  exit_.started_unix_nanos = NowUnixNanos();
  health_.BeginRun();
  plan_->state.set_status(store::RUNNING);
  plan_->state.set_started_unix_nanos(exit_.started_unix_nanos);
  WriteState();
  if (plan_->on_begin) plan_->on_begin({"start"});
  return status;
}

void Supervisor::SendSignal(int signal) {
  if (signal > 0 && signal < NSIG && container_.pidfd.valid()) {
    (void)os::SendSignal(container_.pidfd.get(), signal);
  }
}

void Supervisor::StopRequested() {
  stop_requested_ = true;
  plan_->state.set_stopped_by_user(true);
  WriteState();
}

void Supervisor::Reload() {
  if (!plan_->reload) return;
  plan_->reload(*plan_);
  restart_.Change(plan_->restart);
  const auto& paths = plan_->state.cgroup_paths();
  runner_->AdoptCgroup({paths.begin(), paths.end()});
}

bool Supervisor::Round(int timeout_millis) {
  polls_.clear();
  relay_->Prepare(&polls_, &timeout_millis);
  const size_t relay_polls = polls_.size();
  if (network_ != nullptr) network_->Prepare(&polls_, &timeout_millis);
  const size_t network_end = polls_.size();
  health_.Prepare(&polls_, &timeout_millis);
  const size_t health_end = polls_.size();
  if (notify_.has_value()) polls_.push_back({notify_->fd(), POLLIN, 0});
  const bool running = container_.pidfd.valid();
  if (running) polls_.push_back({container_.pidfd.get(), POLLIN, 0});
  const bool long_wait = timeout_millis < 0 || timeout_millis > kIdleAfterMillis;
  int ready = poll(polls_.data(), polls_.size(), long_wait ? kIdleAfterMillis : timeout_millis);
  if (ready == 0 && long_wait) {
    DropPlan();
    relay_->ReleaseMemory();
    ready =
        IdlePoll(polls_.data(), polls_.size(), timeout_millis < 0 ? -1 : timeout_millis - kIdleAfterMillis);
  }
  if (ready < 0) return false;  // EINTR: signals are caught and mean nothing to us
  // The clients first: a stop request that came before the end must be seen before it.
  relay_->Dispatch(polls_.data(), relay_polls);
  if (network_ != nullptr) network_->Dispatch(polls_.data() + relay_polls, network_end - relay_polls);
  CheckHealth(polls_.data() + network_end, health_end - network_end);
  if (notify_.has_value() && polls_[health_end].revents != 0) notify_->Relay(getpid());
  return running && polls_.back().revents != 0;
}

void Supervisor::ServeUntilExit() {
  const int64_t limit = static_cast<int64_t>(std::min<uint64_t>(plan_->timeout_seconds, 1ull << 40)) * 1000;
  for (;;) {
    int timeout = -1;
    if (limit > 0 && !exit_.timed_out && !held_) {
      const int64_t left = started_monotonic_millis_ + limit - MonotonicMillis();
      if (left <= 0) {
        exit_.timed_out = true;
        SendSignal(SIGKILL);
      } else {
        timeout = static_cast<int>(std::min<int64_t>(left, 1 << 30));
      }
    }
    if (Round(timeout)) return;
  }
}

void Supervisor::DropPlan() {
  if (plan_dropped_ || restart_.Enabled() || held_) return;  // needed for the next start
  plan_dropped_ = true;
  std::vector<oci::Hook> poststop = std::move(plan_->spec.hooks.poststop);
  std::map<std::string, std::string> annotations;
  if (!poststop.empty()) annotations = std::move(plan_->spec.annotations);
  plan_->spec = oci::Spec();
  plan_->spec.hooks.poststop = std::move(poststop);
  plan_->spec.annotations = std::move(annotations);
  plan_->root_overlay.reset();
  plan_->seccomp.reset();
  plan_->cgroup.resources = oci::Resources();
  plan_->on_namespaces = nullptr;
  plan_->connect_network = nullptr;
  plan_->on_begin = nullptr;
}

// With a pid namespace of its own nothing outlives the first process and the pipes are at their end at once.
// Without one, what is left is killed, and a process that even so holds the pipes can't hold the monitor.
void Supervisor::Drain() {
  relay_->BeginDrain();
  const int64_t begin = MonotonicMillis();
  bool killed = false;
  while (!relay_->OutputEnded()) {
    polls_.clear();
    int timeout = killed ? 50 : 0;
    relay_->Prepare(&polls_, &timeout);
    const int ready = poll(polls_.data(), polls_.size(), timeout);
    relay_->Dispatch(polls_.data(), polls_.size());
    if (ready == 0 && !killed) {
      killed = true;
      runner_->KillLeftovers();
    } else if (killed && MonotonicMillis() - begin > kDrainMillis) {
      break;
    }
  }
  relay_->CloseStdio();
}

void Supervisor::CheckHealth(const pollfd* polls, size_t count) {
  const bool was_healthy = health_.WasHealthy();
  health_.Dispatch(polls, count, [this] {
    const auto health = store::ReadHealth(store_, plan_->id);
    const bool of_this_run =
        health.ok() && health->run_started_unix_nanos() == plan_->state.started_unix_nanos();
    return of_this_run ? health->status() : std::string();
  });
  if (was_healthy || !health_.WasHealthy() || plan_->sdnotify != "healthy") return;
  SendNotify(ManagerSocket(), absl::StrCat("MAINPID=", getpid(), "\nREADY=1\n"));
}

void Supervisor::EndRun() {
  health_.EndRun();
  const absl::StatusOr<os::ExitStatus> status = os::WaitFor(container_.pidfd.get());
  exit_.finished_unix_nanos = NowUnixNanos();
  if (exit_.error.empty()) {
    exit_.exit_code = status.ok() ? status->Code() : 255;
    if (!status.ok()) exit_.error = StatusLine(status.status());
  }
  if (PassesOnTerm()) PassOnTerm(-1, plan_->stop_signal);
  stop_requested_ = stop_requested_ || TermAsked();
  container_ = runtime::Container();
  Drain();
  exit_.oom_killed = runner_->OomKilled();
  FaultPoint("monitor.ended");
  network_.reset();
  runner_->Teardown();
  FaultPoint("monitor.torn-down");
}

bool Supervisor::WaitForRestart(int64_t delay_millis) {
  const int64_t until = MonotonicMillis() + delay_millis;
  while (!stop_requested_) {
    stop_requested_ = TermAsked();
    const int64_t left = until - MonotonicMillis();
    if (left <= 0) return true;
    (void)Round(static_cast<int>(left));
  }
  return false;
}

bool Supervisor::Restart() {
  for (;;) {
    const int64_t ran = MonotonicMillis() - started_monotonic_millis_;
    const int64_t delay =
        restart_.NextDelayMillis(exit_.exit_code, ran, exit_.restart_count, stop_requested_);
    if (delay < 0) return false;
    if (plan_dropped_) {
      start_anew_ = true;
      return false;
    }
    // As with docker, who was attached sees the end of this run.
    relay_->SendExit(exit_.exit_code);
    plan_->state.set_status(store::EXITED);
    plan_->state.clear_pid();
    WriteState();
    if (plan_->on_pause) plan_->on_pause(exit_);
    if (!WaitForRestart(delay)) return false;
    ++exit_.restart_count;
    const absl::Status status = StartOnce();
    if (status.ok()) return true;
    if (container_.pidfd.valid()) {
      SendSignal(SIGKILL);
      EndRun();
    }
    exit_.error = StatusLine(status);
    exit_.exit_code = ExitCodeOf(status).value_or(125);
    exit_.finished_unix_nanos = NowUnixNanos();
    started_monotonic_millis_ = MonotonicMillis();
  }
}

void Supervisor::RunPoststopHooks() {
  if (plan_->spec.hooks.poststop.empty()) return;
  const std::string state = runtime::StateJson(plan_->id, "stopped", 0, plan_->bundle, plan_->spec);
  (void)runtime::RunHooks(plan_->spec.hooks.poststop,
                          state);  // runtime.md: errors are no reason to stop here
}

int Supervisor::Run(const std::function<void()>& release_lock) {
  do {
    ServeUntilExit();
    EndRun();
  } while (Restart());
  RunPoststopHooks();
  plan_->state.set_status(store::EXITED);
  plan_->state.clear_pid();
  WriteState();
  Undo();
  FaultPoint("monitor.undone");
  if (plan_->on_end) plan_->on_end(exit_);
  FaultPoint("monitor.end-recorded");
  // What comes after the end must not be seen as left by nobody; the container itself is gone then.
  if (!plan_->after_end) release_lock();
  relay_->SendExit(exit_.exit_code);
  relay_->FlushClients();
  if (plan_->after_end) {
    plan_->after_end();
    release_lock();
  }
  if (start_anew_) (void)SpawnOwnProgram(plan_->start_command).Release();
  return exit_.exit_code;
}

}  // namespace coracle::monitor
