// stop and kill.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "base/signal_name.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/stop_options.h"

namespace coracle::cli {
namespace {

// Stops one in a process of its own, so that several wait at the same time.
pid_t StopInBackground(engine::Engine& engine, const engine::ContainerView& view,
                       std::optional<uint32_t> timeout, std::optional<int> signal) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const absl::Status status = engine::Stop(engine, view, timeout, signal);
  if (!status.ok()) PrintError(status);
  _exit(ExitCodeFor(status));
}

int StopAll(Invocation& invocation, engine::Engine& engine, Selected& selected,
            std::optional<uint32_t> timeout, std::optional<int> signal) {
  int code = selected.exit_code;
  std::vector<pid_t> children;
  for (const Selection& selection : selected.containers) {
    children.push_back(StopInBackground(engine, selection.view, timeout, signal));
  }
  for (size_t i = 0; i < children.size(); ++i) {
    int status = 0;
    if (children[i] < 0) {
      code = invocation.Fail(ErrnoStatus(EAGAIN, "start a process to stop a container"));
      continue;
    }
    while (waitpid(children[i], &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      invocation.out().WriteLine(selected.containers[i].shown);
    } else {
      code = WIFEXITED(status) ? WEXITSTATUS(status) : 125;  // the child has told the error
    }
  }
  return code;
}

}  // namespace

int CmdStop(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const ParsedCommand& parsed = invocation.parsed();
  const absl::StatusOr<std::optional<int>> signal = StopSignalOption(parsed);
  if (!signal.ok()) return invocation.Fail(signal.status());
  SelectOptions options;
  options.ignore_missing = parsed.GetBool("ignore");
  options.eligible = engine::IsRunning;
  absl::StatusOr<Selected> selected = SelectContainers(invocation, engine, options);
  if (!selected.ok()) return invocation.Fail(selected.status());
  if (selected->containers.size() > 1) {
    return StopAll(invocation, engine, *selected, StopTimeOption(parsed), *signal);
  }
  for (const Selection& selection : selected->containers) {
    const absl::Status status = engine::Stop(engine, selection.view, StopTimeOption(parsed), *signal);
    if (!status.ok()) return invocation.Fail(status);
    invocation.out().WriteLine(selection.shown);
  }
  return selected->exit_code;
}

int CmdKill(Invocation& invocation) {
  const absl::StatusOr<int> signal = ParseSignal(invocation.parsed().GetString("signal"));
  if (!signal.ok()) return invocation.Fail(signal.status());
  engine::Engine engine = MakeEngine(invocation);
  SelectOptions options;
  options.eligible = engine::IsRunning;
  return ForEachSelected(invocation, engine, options,
                         [&](Selection& selection) { return engine::Kill(engine, selection.view, *signal); });
}

}  // namespace coracle::cli
