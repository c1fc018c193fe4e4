// Forking the monitor and hearing from it.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "base/fault.h"
#include "base/status.h"
#include "monitor/background.h"
#include "monitor/monitor.h"
#include "monitor/start_report.h"
#include "monitor/supervisor.h"

namespace coracle::monitor {
namespace {

[[noreturn]] void MonitorMain(LaunchPlan plan, std::optional<store::FileLock> lock, os::UniqueFd report,
                              os::UniqueFd client) {
  FaultPoint("monitor.forked");
  BecomeBackground();
  runtime::Stdio own_stdio;
  if (plan.passthrough) {
    own_stdio = {fcntl(0, F_DUPFD_CLOEXEC, 3), fcntl(1, F_DUPFD_CLOEXEC, 3), fcntl(2, F_DUPFD_CLOEXEC, 3)};
  }
  StdioToNull();
  std::vector<int> kept = {report.get(), client.get(),  lock->fd(),
                           own_stdio.in, own_stdio.out, own_stdio.err};
  kept.insert(kept.end(), plan.kept_fds.begin(), plan.kept_fds.end());
  kept.insert(kept.end(), plan.passed_fds.begin(), plan.passed_fds.end());
  CloseAllBut(std::move(kept), plan.preserve_fds);
  Supervisor supervisor(&plan,
                        plan.external_runtime.empty() ? NewBuiltinRunner(plan) : NewExternalRunner(plan),
                        std::move(client), own_stdio);
  const absl::StatusOr<pid_t> started = supervisor.Start();
  if (!started.ok()) {
    lock.reset();
    SendReport(std::move(report), started);
    _exit(1);
  }
  SendReport(std::move(report), started);
  FaultPoint("monitor.reported");
  _exit(supervisor.Run([&] { lock.reset(); }));
}

}  // namespace

absl::StatusOr<Launched> Launch(LaunchPlan plan, store::FileLock lock) {
  ASSIGN_OR_RETURN(ReportPipe report, MakeReportPipe());
  os::UniqueFd ours, theirs;
  if (plan.foreground) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return ErrnoStatus(errno, "make a socket pair");
    }
    ours.Reset(ends[0]);
    theirs.Reset(ends[1]);
  }
  const pid_t monitor = fork();
  if (monitor < 0) return ErrnoStatus(errno, "fork the monitor");
  if (monitor == 0) {
    MonitorMain(std::move(plan), std::move(lock), std::move(report.write_end), std::move(theirs));
  }
  report.write_end.Reset();
  theirs.Reset();
  Launched launched;
  ASSIGN_OR_RETURN(launched.pid, ReceiveReport(std::move(report.read_end), monitor, /*reap=*/false));
  launched.monitor_pid = monitor;
  launched.attach = std::move(ours);
  return launched;
}

}  // namespace coracle::monitor
