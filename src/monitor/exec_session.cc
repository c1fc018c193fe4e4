#include "monitor/exec_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/status.h"
#include "monitor/background.h"
#include "monitor/byte_queue.h"
#include "monitor/detach_keys.h"
#include "monitor/output_fd.h"
#include "monitor/signal_watch.h"
#include "monitor/start_report.h"
#include "monitor/terminal_mode.h"
#include "os/process.h"

namespace coracle::monitor {
namespace {

constexpr size_t kBuffer = 64 << 10;
constexpr size_t kMaxPendingInput = 256 << 10;

// Without a terminal: the process has our descriptors, we wait and pass on signals.
absl::StatusOr<ExecResult> WaitPassingSignals(const runtime::Container& process, SignalWatch* signals,
                                              bool sig_proxy) {
  for (;;) {
    pollfd polls[2] = {{process.pidfd.get(), POLLIN, 0}, {signals->fd(), POLLIN, 0}};
    if (poll(polls, 2, -1) < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    while (const int signal = polls[1].revents != 0 ? signals->Next() : 0) {
      if (!sig_proxy) DieOf(signal);
      (void)os::SendSignal(process.pidfd.get(), signal);
    }
    if (polls[0].revents == 0) continue;
    ASSIGN_OR_RETURN(const os::ExitStatus status, os::WaitFor(process.pidfd.get()));
    ExecResult result;
    result.exit_code = status.Code();
    return result;
  }
}

// With a terminal: bytes between ours and the process's.
class TerminalSession {
 public:
  TerminalSession(runtime::Container* process, SignalWatch* signals, const ExecOptions& options,
                  std::string keys)
      : process_(process),
        signals_(signals),
        reading_(options.interactive),
        scanner_(std::move(keys)),
        out_(1) {}
  absl::StatusOr<ExecResult> Run();

 private:
  void FollowSize();
  void ReadInput();
  void WriteInput();
  void ReadOutput();
  void HandleSignals();

  runtime::Container* process_;
  SignalWatch* signals_;
  std::optional<TerminalMode> terminal_;
  bool reading_, detached_ = false;
  DetachScanner scanner_;
  OutputFd out_;
  ByteQueue input_;
};

void TerminalSession::FollowSize() {
  winsize size = {};
  if (TerminalSize(0, &size.ws_row, &size.ws_col) || TerminalSize(1, &size.ws_row, &size.ws_col)) {
    (void)ioctl(process_->console.get(), TIOCSWINSZ, &size);
  }
}

void TerminalSession::ReadInput() {
  char buffer[kBuffer];
  const ssize_t count = read(0, buffer, sizeof(buffer));
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    reading_ = false;
    return;
  }
  std::string passed;
  detached_ = scanner_.Scan(absl::string_view(buffer, static_cast<size_t>(count)), &passed);
  input_.Append(passed);
  WriteInput();
}

void TerminalSession::WriteInput() {
  while (!input_.empty()) {
    const absl::string_view front = input_.Front();
    const ssize_t count = write(process_->console.get(), front.data(), front.size());
    if (count < 0 && errno != EINTR) {
      if (errno != EAGAIN) input_.Clear();  // the other side is closed
      return;
    }
    if (count > 0) input_.Consume(static_cast<size_t>(count));
  }
}

void TerminalSession::ReadOutput() {
  char buffer[kBuffer];
  const ssize_t count = read(process_->console.get(), buffer, sizeof(buffer));
  if (count > 0) {
    out_.Write(absl::string_view(buffer, static_cast<size_t>(count)));
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    process_->console.Reset();  // EIO: nobody has the terminal open any more
  }
}

void TerminalSession::HandleSignals() {
  while (const int signal = signals_->Next()) {
    if (signal == SIGWINCH) {
      FollowSize();
    } else {
      terminal_.reset();
      DieOf(signal);
    }
  }
}

absl::StatusOr<ExecResult> TerminalSession::Run() {
  if (reading_) {
    ASSIGN_OR_RETURN(TerminalMode mode, TerminalMode::Raw(0));
    terminal_.emplace(std::move(mode));
  }
  (void)fcntl(process_->console.get(), F_SETFL, O_NONBLOCK | fcntl(process_->console.get(), F_GETFL));
  FollowSize();
  bool ended = false;
  // After the end of the process what it wrote is still read, but nobody else is waited for.
  while (!detached_ && (!ended || process_->console.valid())) {
    const short output = out_.pending() ? 0 : POLLIN;
    pollfd polls[5] = {
        {ended ? -1 : process_->pidfd.get(), POLLIN, 0},
        {signals_->fd(), POLLIN, 0},
        {process_->console.get(), static_cast<short>(output | (input_.empty() ? 0 : POLLOUT)), 0},
        {reading_ && input_.size() < kMaxPendingInput ? 0 : -1, POLLIN, 0},
        {out_.pending() ? out_.fd() : -1, POLLOUT, 0},
    };
    if (out_.pending()) polls[2].fd = input_.empty() ? -1 : polls[2].fd;
    const int ready = poll(polls, 5, ended && !out_.pending() ? 0 : -1);
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (ready == 0) break;
    if (ready < 0) continue;
    if (polls[1].revents != 0) HandleSignals();
    if (polls[4].revents != 0) out_.Flush();
    if ((polls[2].revents & POLLOUT) != 0) WriteInput();
    if ((polls[2].revents & ~POLLOUT) != 0 && !out_.pending()) ReadOutput();
    if (polls[3].revents != 0) ReadInput();
    ended = ended || polls[0].revents != 0;
  }
  ExecResult result;
  result.detached = detached_;
  if (detached_) return result;
  out_.FlushAll();
  ASSIGN_OR_RETURN(const os::ExitStatus status, os::WaitFor(process_->pidfd.get()));
  result.exit_code = status.Code();
  return result;
}

// Reads a terminal to its end, so that a process whose user has detached is not blocked by it.
void DrainConsole(const os::UniqueFd& console) {
  (void)fcntl(console.get(), F_SETFL, fcntl(console.get(), F_GETFL) & ~O_NONBLOCK);
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(console.get(), buffer, sizeof(buffer));
    if (count == 0 || (count < 0 && errno != EINTR)) return;
  }
}

// Somebody has to keep the terminal of a process that goes on: closing the master would hang it up.
void LeaveTerminalKeeper(const os::UniqueFd& console) {
  if (fork() != 0) return;
  BecomeBackground();
  StdioToNull();
  CloseAllBut({console.get()}, 0);
  DrainConsole(console);
  _exit(0);
}

}  // namespace

absl::StatusOr<ExecResult> RunExec(runtime::ExecRequest request, const ExecOptions& options) {
  const bool tty = request.process->terminal;
  ASSIGN_OR_RETURN(std::string keys, ParseDetachKeys(options.detach_keys));
  request.stdio = {options.interactive ? 0 : -1, 1, 2};
  ASSIGN_OR_RETURN(runtime::Container process, runtime::Exec(request));
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create(/*window=*/tty));
  if (!tty) return WaitPassingSignals(process, &signals, options.sig_proxy);
  struct sigaction ignore = {}, old = {};
  ignore.sa_handler = SIG_IGN;
  (void)sigaction(SIGPIPE, &ignore, &old);
  absl::StatusOr<ExecResult> result = TerminalSession(&process, &signals, options, std::move(keys)).Run();
  (void)sigaction(SIGPIPE, &old, nullptr);
  if (result.ok() && result->detached) LeaveTerminalKeeper(process.console);
  return result;
}

absl::StatusOr<pid_t> StartDetachedExec(runtime::ExecRequest request,
                                        std::function<void(int exit_code)> on_exit) {
  ASSIGN_OR_RETURN(ReportPipe report, MakeReportPipe());
  const pid_t reaper = fork();
  if (reaper < 0) return ErrnoStatus(errno, "fork");
  if (reaper == 0) {
    BecomeBackground();
    StdioToNull();
    CloseAllBut({report.write_end.get()}, request.preserve_fds);
    request.stdio = runtime::Stdio();
    absl::StatusOr<runtime::Container> process = runtime::Exec(request);
    if (!process.ok()) {
      SendReport(std::move(report.write_end), process.status());
      _exit(1);
    }
    SendReport(std::move(report.write_end), process->pid);
    if (process->console.valid()) DrainConsole(process->console);
    const absl::StatusOr<os::ExitStatus> status = os::WaitFor(process->pidfd.get());
    const int code = status.ok() ? status->Code() : 255;
    if (on_exit) on_exit(code);
    _exit(code);
  }
  report.write_end.Reset();
  return ReceiveReport(std::move(report.read_end), reaper, /*reap=*/false);
}

}  // namespace coracle::monitor
