// logs.
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "monitor/log_reader.h"

namespace coracle::cli {
namespace {

absl::StatusOr<std::optional<int64_t>> Time(const ParsedCommand& parsed, absl::string_view option) {
  const std::string text = parsed.GetString(option);
  if (text.empty()) return std::optional<int64_t>();
  auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
  if (!time.ok()) return OptionError(option, text, "not a time");
  return std::optional<int64_t>(absl::ToUnixNanos(*time));
}

absl::StatusOr<monitor::LogOptions> ReadOptions(const ParsedCommand& parsed) {
  monitor::LogOptions options;
  options.follow = parsed.GetBool("follow");
  options.timestamps = parsed.GetBool("timestamps");
  const std::string tail = parsed.GetString("tail");
  int64_t lines = -1;
  if (tail != "all" && !absl::SimpleAtoi(tail, &lines))
    return OptionError("tail", tail, "not a number of lines");
  if (lines >= 0) options.tail = static_cast<uint64_t>(lines);
  ASSIGN_OR_RETURN(options.since_unix_nanos, Time(parsed, "since"));
  ASSIGN_OR_RETURN(options.until_unix_nanos, Time(parsed, "until"));
  return options;
}

absl::Status ShowOne(engine::Engine& engine, const engine::ContainerView& view, monitor::LogOptions options) {
  const store::LogConfig& log = view.record.config().log();
  options.driver = log.driver();
  options.path =
      log.path().empty() ? absl::StrCat(engine.store.ContainerDir(view.record.id()), "/ctr.log") : log.path();
  options.run_dir = engine.store.ContainerRunDir(view.record.id());
  const absl::Status status = monitor::ReadLogs(options);
  // Nothing was printed if it never ran.
  if (absl::IsNotFound(status) && !engine::IsRunning(view) && log.driver() != "none") return absl::OkStatus();
  return Annotate(status, absl::StrCat("logs of container ", view.record.name()));
}

// What stands in front of each line of the container that is `index`th of several.
std::string Prefix(absl::string_view name, size_t index, bool color) {
  if (!color) return absl::StrCat(name, " ");
  constexpr size_t kColors = 6;  // red to cyan: ECMA-48, SGR 31 to 36
  return absl::StrCat("\x1b[", 31 + index % kColors, "m", name, "\x1b[0m ");
}

// --follow of several: each in a process of its own.
int FollowAll(engine::Engine& engine, const Selected& selected, const monitor::LogOptions& options,
              bool color) {
  std::vector<pid_t> children;
  for (const Selection& selection : selected.containers) {
    monitor::LogOptions own = options;
    own.line_prefix = Prefix(selection.view.record.name(), children.size(), color);
    const pid_t pid = fork();
    if (pid == 0) {
      const absl::Status status = ShowOne(engine, selection.view, own);
      if (!status.ok()) PrintError(status);
      _exit(ExitCodeFor(status));
    }
    children.push_back(pid);
  }
  int code = selected.exit_code;
  for (const pid_t child : children) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) code = 125;
  }
  return code;
}

}  // namespace

int CmdLogs(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const auto options = ReadOptions(parsed);
  if (!options.ok()) return invocation.Fail(options.status());
  const auto selected = SelectContainers(invocation, engine, {});
  if (!selected.ok()) return invocation.Fail(selected.status());
  const bool several = selected->containers.size() > 1;
  const bool color = several && parsed.GetBool("color") && UseColor(STDOUT_FILENO);
  if (several && options->follow) return FollowAll(engine, *selected, *options, color);
  int code = selected->exit_code;
  size_t index = 0;
  for (const Selection& selection : selected->containers) {
    monitor::LogOptions own = *options;
    const store::ContainerRecord& record = selection.view.record;
    const bool names = parsed.GetBool("names");
    if (names || several) {
      own.line_prefix =
          Prefix(names ? absl::string_view(record.name()) : ShortId(record.id()), index++, color);
    }
    const absl::Status status = ShowOne(engine, selection.view, own);
    if (!status.ok()) code = invocation.Fail(status);
  }
  return code;
}

}  // namespace coracle::cli
