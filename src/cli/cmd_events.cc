// events.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/table.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/event_view.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "store/events.h"

namespace coracle::cli {
namespace {

// Without a watch (the kernel's limit per user is small) the log is looked at this often.
constexpr int kNoWatchMillis = 250;
constexpr absl::string_view kMapFields[] = {"Attributes"};

absl::StatusOr<std::optional<int64_t>> Time(const ParsedCommand& parsed, absl::string_view option) {
  const std::string text = parsed.GetString(option);
  if (text.empty()) return std::optional<int64_t>();
  const auto time = ParseTimeReference(text, absl::Now(), absl::LocalTimeZone());
  if (!time.ok()) return OptionError(option, text, "not a time");
  return std::optional<int64_t>(absl::ToUnixNanos(*time));
}

struct EventOptions {
  EventFilter filter;
  std::optional<int64_t> since, until;
  std::string format;
  bool truncate = false, stream = false;

  bool Wants(const store::EventRecord& event) const {
    return event.unix_nanos() >= since.value_or(INT64_MIN) &&
           event.unix_nanos() <= until.value_or(INT64_MAX) && filter.Matches(event);
  }
};

absl::StatusOr<EventOptions> ReadOptions(const ParsedCommand& parsed) {
  EventOptions options;
  ASSIGN_OR_RETURN(options.filter, EventFilter::Parse(parsed.GetList("filter")));
  ASSIGN_OR_RETURN(options.since, Time(parsed, "since"));
  ASSIGN_OR_RETURN(options.until, Time(parsed, "until"));
  options.format = parsed.GetString("format");
  options.truncate = !parsed.GetBool("no-trunc");
  options.stream = parsed.GetBool("stream");
  // Nothing that was there before is asked for.
  if (options.stream && !options.since.has_value() && !options.until.has_value()) {
    options.since = store::EventTime();
  }
  return options;
}

absl::StatusOr<std::string> Line(const EventOptions& options, const store::EventRecord& event) {
  if (options.format.empty()) return EventLine(event, options.truncate) + "\n";
  if (options.format == "json") {
    return DumpJson(EventJson(event, options.truncate, /*text_time=*/false)) + "\n";
  }
  // {{json .}} is docker's way to ask for JSON.
  const bool is_json = absl::StrContains(options.format, "json .}}");
  ExecuteOptions execute;
  execute.strict = true;
  execute.map_fields = kMapFields;
  return RenderInspect(options.format, {EventJson(event, options.truncate, /*text_time=*/!is_json)}, execute);
}

// Prints what is new. `sort`: what several processes told at the same time is put into its order.
absl::Status PrintNew(const EventOptions& options, store::EventReader& reader, bool sort, Output& out) {
  std::vector<store::EventRecord> events;
  reader.Read([&](const store::EventRecord& event) {
    if (options.Wants(event)) events.push_back(event);
  });
  if (sort) {
    std::stable_sort(events.begin(), events.end(),
                     [](const store::EventRecord& a, const store::EventRecord& b) {
                       return a.unix_nanos() < b.unix_nanos();
                     });
  }
  for (const store::EventRecord& event : events) {
    ASSIGN_OR_RETURN(const std::string line, Line(options, event));
    out.Write(line);
  }
  return out.Flush();
}

// Until the time is up or nobody reads what we print.
absl::Status Follow(const EventOptions& options, store::EventReader& reader, Output& out) {
  for (;;) {
    const int64_t left =
        options.until.has_value() ? (*options.until - store::EventTime()) / 1'000'000 + 1 : INT32_MAX;
    if (left <= 0) return absl::OkStatus();
    pollfd polls[2] = {{reader.watch(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    const int64_t longest = reader.watch() >= 0 ? left : std::min<int64_t>(left, kNoWatchMillis);
    const bool forever = reader.watch() >= 0 && !options.until.has_value();
    if (poll(polls, 2, forever ? -1 : static_cast<int>(std::min<int64_t>(longest, INT32_MAX))) < 0 &&
        errno != EINTR) {
      return ErrnoStatus(errno, "poll");
    }
    RETURN_IF_ERROR(PrintNew(options, reader, /*sort=*/false, out));
    if ((polls[1].revents & (POLLERR | POLLHUP)) != 0) return absl::OkStatus();
  }
}

absl::Status Events(Invocation& invocation) {
  ASSIGN_OR_RETURN(const EventOptions options, ReadOptions(invocation.parsed()));
  if (!options.format.empty() && options.format != "json") {
    const auto parsed = Template::Parse(options.format);  // before anything happens
    if (!parsed.ok()) return WithExitCode(Annotate(parsed.status(), "--format"), 125);
  }
  const engine::Engine engine = MakeEngine(invocation);
  if (options.stream) RETURN_IF_ERROR(engine.store.EnsureExists());
  store::EventReader reader(engine.store, options.stream);
  RETURN_IF_ERROR(PrintNew(options, reader, /*sort=*/true, invocation.out()));
  if (!options.stream) return absl::OkStatus();
  return Follow(options, reader, invocation.out());
}

}  // namespace

int CmdEvents(Invocation& invocation) { return invocation.Fail(Events(invocation)); }

}  // namespace coracle::cli
