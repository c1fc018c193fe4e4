// stats.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/size.h"
#include "base/status.h"
#include "base/table.h"
#include "base/text.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/stats.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;
using engine::StatsSample;

// Between the two samples of the first look: long enough for a percentage, short enough to wait for.
constexpr absl::Duration kFirstInterval = absl::Milliseconds(250);
constexpr Heading kHeadings[] = {
    {"CPUPerc", "CPU %"},    {"MemUsage", "MEM USAGE / LIMIT"},
    {"MemPerc", "MEM %"},    {"NetIO", "NET IO"},
    {"PIDs", "PIDS"},        {"MemUsageBytes", "MEM USAGE / LIMIT"},
    {"BlockIO", "BLOCK IO"}, {"Up", "CPU TIME"},
    {"AVGCPU", "AVG CPU %"},
};
constexpr absl::string_view kColumns =
    "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}\t"
    "{{.Up}}\t{{.AVGCPU}}";

// Two samples of a container; none of one that does not run.
struct Look {
  ContainerView view;
  std::optional<StatsSample> before, now;
};

double Percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

struct Figures {
  double cpu = 0, average_cpu = 0, memory = 0;  // percent; of one processor
};

Figures Calculate(const Look& look) {
  Figures figures;
  const StatsSample& now = *look.now;
  const auto spent = [](uint64_t later, uint64_t earlier) {
    return static_cast<double>(later - std::min(later, earlier));
  };
  const StatsSample& before = look.before.has_value() ? *look.before : now;
  figures.cpu = Percent(spent(now.cpu_nanos, before.cpu_nanos),
                        static_cast<double>(now.unix_nanos - before.unix_nanos));
  figures.average_cpu = Percent(static_cast<double>(now.cpu_nanos),
                                static_cast<double>(now.unix_nanos - look.view.state.started_unix_nanos()));
  figures.memory =
      Percent(static_cast<double>(now.memory_bytes), static_cast<double>(now.memory_limit_bytes));
  return figures;
}

std::string PercentText(double value) { return absl::StrFormat("%.2f%%", value); }
std::string Pair(const std::string& a, const std::string& b) { return absl::StrCat(a, " / ", b); }
std::string Bytes(uint64_t bytes) { return HumanSize(static_cast<int64_t>(bytes)); }

// The texts that both forms share, by podman's names for templates.
Json Texts(const Look& look) {
  Json texts;
  if (!look.now.has_value()) {
    for (const char* name : {"CPUPerc", "MemPerc", "PIDs", "Up", "AVGCPU"}) texts[name] = "--";
    for (const char* name : {"MemUsage", "MemUsageBytes", "NetIO", "BlockIO"}) texts[name] = "-- / --";
    return texts;
  }
  const StatsSample& now = *look.now;
  const Figures figures = Calculate(look);
  texts["CPUPerc"] = PercentText(figures.cpu);
  texts["AVGCPU"] = PercentText(figures.average_cpu);
  texts["MemPerc"] = PercentText(figures.memory);
  texts["MemUsage"] = Pair(Bytes(now.memory_bytes), Bytes(now.memory_limit_bytes));
  texts["MemUsageBytes"] = Pair(BinarySize(static_cast<int64_t>(now.memory_bytes)),
                                BinarySize(static_cast<int64_t>(now.memory_limit_bytes)));
  texts["NetIO"] =
      now.has_network ? Pair(Bytes(now.net_input_bytes), Bytes(now.net_output_bytes)) : "-- / --";
  texts["BlockIO"] = Pair(Bytes(now.block_read_bytes), Bytes(now.block_write_bytes));
  texts["PIDs"] = absl::StrCat(now.pids);
  texts["Up"] = FormatGoDuration(absl::Nanoseconds(now.cpu_nanos));
  return texts;
}

// podman's `--format json`.
Json ObjectOf(const Look& look) {
  const Json texts = Texts(look);
  return Json{{"id", std::string(ShortId(look.view.record.id()))},
              {"name", look.view.record.name()},
              {"cpu_time", texts["Up"]},
              {"cpu_percent", texts["CPUPerc"]},
              {"avg_cpu", texts["AVGCPU"]},
              {"mem_usage", texts["MemUsage"]},
              {"mem_percent", texts["MemPerc"]},
              {"net_io", texts["NetIO"]},
              {"block_io", texts["BlockIO"]},
              {"pids", texts["PIDs"]}};
}

Json RowOf(const Look& look, bool truncate) {
  const store::ContainerRecord& record = look.view.record;
  const StatsSample now = look.now.value_or(StatsSample());
  const Figures figures = look.now.has_value() ? Calculate(look) : Figures();
  Json row = Texts(look);
  row["ID"] = truncate ? std::string(ShortId(record.id())) : record.id();
  row["ContainerID"] = record.id();
  row["Container"] = row["ID"];
  row["Name"] = record.name();
  row["PIDS"] = row["PIDs"];
  row["CPU"] = figures.cpu;
  row["AvgCPU"] = figures.average_cpu;
  row["CPUNano"] = now.cpu_nanos;
  row["Duration"] = now.cpu_nanos;
  row["CPUSystemNano"] = now.cpu_system_nanos;
  row["SystemNano"] = now.unix_nanos;
  row["UpTime"] = row["Up"];
  row["MemLimit"] = now.memory_limit_bytes;
  row["BlockInput"] = now.block_read_bytes;
  row["BlockOutput"] = now.block_write_bytes;
  row["NetInput"] = now.net_input_bytes;
  row["NetOutput"] = now.net_output_bytes;
  return row;
}

// The samples of one look after the other, by container.
class Watcher {
 public:
  Watcher(Invocation& invocation, engine::Engine& engine) : invocation_(invocation), engine_(engine) {}

  // Those named, the newest, or all that run; newly started ones are met at the next look. The first call is
  // the only one that complains of names.
  absl::StatusOr<std::vector<Look>> Next();
  int exit_code() const { return exit_code_; }

 private:
  absl::StatusOr<std::vector<ContainerView>> Choose();

  Invocation& invocation_;
  engine::Engine& engine_;
  bool chosen_ = false;
  std::vector<std::string> ids_;  // of those named
  std::map<std::string, StatsSample> before_;
  int exit_code_ = 0;
};

absl::StatusOr<std::vector<ContainerView>> Watcher::Choose() {
  const ParsedCommand& parsed = invocation_.parsed();
  std::vector<ContainerView> views;
  if (invocation_.args().empty() && !parsed.GetBool("latest")) {
    ASSIGN_OR_RETURN(std::vector<ContainerView> all, engine::LookAll(engine_));
    for (ContainerView& view : all) {
      if (parsed.GetBool("all") || engine::IsRunning(view)) views.push_back(std::move(view));
    }
    return views;
  }
  if (!chosen_) {
    chosen_ = true;
    ASSIGN_OR_RETURN(Selected selected, SelectContainers(invocation_, engine_, {}));
    exit_code_ = selected.exit_code;
    for (Selection& selection : selected.containers) ids_.push_back(selection.view.record.id());
  }
  for (const std::string& id : ids_) {
    auto view = engine::Look(engine_, id);
    if (view.ok()) views.push_back(*std::move(view));  // else removed meanwhile
  }
  return views;
}

absl::StatusOr<std::vector<Look>> Watcher::Next() {
  ASSIGN_OR_RETURN(std::vector<ContainerView> views, Choose());
  std::vector<Look> looks;
  std::map<std::string, StatsSample> seen;
  for (ContainerView& view : views) {
    Look& look = looks.emplace_back();
    look.view = std::move(view);
    const std::string& id = look.view.record.id();
    if (!engine::IsRunning(look.view)) continue;
    const auto sample = engine::SampleStats(look.view);
    if (!sample.ok()) continue;  // ended this moment
    const auto known = before_.find(id);
    if (known != before_.end()) look.before = known->second;
    look.now = *sample;
    seen[id] = *sample;
  }
  before_ = std::move(seen);
  return looks;
}

absl::StatusOr<std::string> Render(const ParsedCommand& parsed, const std::vector<Look>& looks) {
  const ListingOptions options{parsed.GetString("format"), /*quiet=*/false, /*no_heading=*/false};
  std::vector<Json> rows;
  for (const Look& look : looks) {
    rows.push_back(options.format == "json" ? ObjectOf(look) : RowOf(look, !parsed.GetBool("no-trunc")));
  }
  return RenderListing({kHeadings, kColumns, "{{.ID}}", {}, {}}, options, rows);
}

// False when nobody reads what we print any more.
bool WaitForReader(absl::Duration interval) {
  pollfd out = {STDOUT_FILENO, 0, 0};
  const absl::Time end = absl::Now() + interval;
  for (absl::Duration left = interval; left > absl::ZeroDuration(); left = end - absl::Now()) {
    const int64_t millis = absl::ToInt64Milliseconds(left) + 1;
    if (poll(&out, 1, static_cast<int>(std::min<int64_t>(millis, INT32_MAX))) > 0) return false;
  }
  return true;
}

absl::StatusOr<int> Stats(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  Watcher watcher(invocation, engine);
  RETURN_IF_ERROR(Render(parsed, {}).status());  // a template that is wrong
  const auto first = watcher.Next();
  if (!first.ok() || (first->empty() && watcher.exit_code() != 0)) {
    return first.ok() ? absl::StatusOr<int>(watcher.exit_code()) : first.status();
  }
  const bool named = !invocation.args().empty();
  const bool clears =
      isatty(STDOUT_FILENO) == 1 && !parsed.GetBool("no-reset") && !parsed.GetBool("no-stream");
  const absl::Duration interval = absl::Seconds(std::max<uint64_t>(parsed.GetUint("interval"), 1));
  absl::SleepFor(kFirstInterval);
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<Look> looks, watcher.Next());
    if (looks.empty() && named) return watcher.exit_code();
    ASSIGN_OR_RETURN(const std::string text, Render(parsed, looks));
    if (clears) invocation.out().Write("\x1b[H\x1b[2J");
    invocation.out().Write(text);
    RETURN_IF_ERROR(invocation.out().Flush());
    if (parsed.GetBool("no-stream") || !WaitForReader(interval)) return watcher.exit_code();
  }
}

}  // namespace

int CmdStats(Invocation& invocation) {
  const absl::StatusOr<int> code = Stats(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
