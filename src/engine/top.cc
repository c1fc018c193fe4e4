// The processes of a container, by podman's descriptors.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "engine/container_pids.h"
#include "engine/engine.h"
#include "engine/root_files.h"
#include "os/file.h"

namespace coracle::engine {
namespace {

// What proc(5) says of one process.
struct ProcessFacts {
  int pid = 0;
  std::vector<std::string> stat;              // fields of /proc/PID/stat from the third on ("state" is [0])
  std::map<std::string, std::string> status;  // /proc/PID/status
  std::string cmdline, comm;
};

absl::StatusOr<ProcessFacts> ReadFacts(int pid) {
  ProcessFacts facts;
  facts.pid = pid;
  const std::string directory = absl::StrCat("/proc/", pid);
  ASSIGN_OR_RETURN(ProcessStat stat, ReadProcessStat(pid));
  facts.comm = std::move(stat.comm);
  facts.stat = std::move(stat.fields);
  ASSIGN_OR_RETURN(const std::string status,
                   os::ReadFileAt(AT_FDCWD, absl::StrCat(directory, "/status"), 1 << 16));
  for (const absl::string_view line : absl::StrSplit(status, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(line, absl::MaxSplits(':', 1));
    facts.status[pair.first] = std::string(absl::StripAsciiWhitespace(pair.second));
  }
  ASSIGN_OR_RETURN(std::string cmdline,
                   os::ReadFileAt(AT_FDCWD, absl::StrCat(directory, "/cmdline"), 1 << 20));
  while (!cmdline.empty() && cmdline.back() == '\0') cmdline.pop_back();
  std::replace(cmdline.begin(), cmdline.end(), '\0', ' ');
  facts.cmdline = cmdline.empty() ? absl::StrCat("[", facts.comm, "]") : cmdline;
  return facts;
}

// Everything a descriptor's value may need.
struct TopContext {
  std::map<std::string, std::string> users, groups;  // id -> name, of the container
  std::map<int, std::string> inner_pid;              // host pid -> pid in the container
  int64_t ticks = 100;
  double uptime = 0;
};

std::string Last(const std::string& tabbed) {
  const size_t tab = tabbed.rfind('\t');
  return tab == std::string::npos ? tabbed : tabbed.substr(tab + 1);
}

std::string StatusField(const ProcessFacts& facts, const char* name, size_t column = 0) {
  const auto found = facts.status.find(name);
  if (found == facts.status.end()) return "?";
  const std::vector<std::string> columns =
      absl::StrSplit(found->second, absl::ByAnyChar("\t "), absl::SkipEmpty());
  return column < columns.size() ? columns[column] : "?";
}

std::string NameOr(const std::map<std::string, std::string>& names, const std::string& id) {
  const auto found = names.find(id);
  return found == names.end() ? id : found->second;
}

int64_t Number(const std::string& text) {
  int64_t value = 0;
  (void)absl::SimpleAtoi(text, &value);  // proc(5) gives numbers; anything else counts as 0
  return value;
}

double ElapsedSeconds(const ProcessFacts& facts, const TopContext& context) {
  const double started = static_cast<double>(Number(facts.stat[19])) / static_cast<double>(context.ticks);
  return std::max(0.0, context.uptime - started);
}

double CpuSeconds(const ProcessFacts& facts, const TopContext& context) {
  return static_cast<double>(Number(facts.stat[11]) + Number(facts.stat[12])) /
         static_cast<double>(context.ticks);
}

// As Go prints a duration of whole seconds: 1h2m3s.
std::string Duration(double seconds) {
  const int64_t whole = static_cast<int64_t>(seconds);
  std::string text;
  if (whole >= 3600) absl::StrAppend(&text, whole / 3600, "h");
  if (whole >= 60) absl::StrAppend(&text, whole / 60 % 60, "m");
  absl::StrAppend(&text, whole % 60, "s");
  return text;
}

std::string StartTime(const ProcessFacts& facts, const TopContext& context) {
  const time_t started = time(nullptr) - static_cast<time_t>(ElapsedSeconds(facts, context));
  tm local = {};
  localtime_r(&started, &local);
  char text[32];
  (void)strftime(text, sizeof(text), "%H:%M", &local);
  return text;
}

std::string Terminal(const ProcessFacts& facts) {
  const int64_t device = Number(facts.stat[4]);
  if (device == 0) return "?";
  const int64_t major_number = (device >> 8) & 0xfff;
  const int64_t minor_number = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major_number >= 136 && major_number <= 143)
    return absl::StrCat("pts/", (major_number - 136) * 256 + minor_number);
  return absl::StrCat("tty", minor_number);
}

using Getter = std::string (*)(const ProcessFacts&, const TopContext&);
struct Descriptor {
  const char* name;
  const char* header;
  Getter get;
};

std::string InnerParent(const ProcessFacts& facts, const TopContext& context) {
  const auto found = context.inner_pid.find(static_cast<int>(Number(facts.stat[1])));
  return found == context.inner_pid.end() ? "0" : found->second;
}

const Descriptor kDescriptors[] = {
    {"args", "COMMAND", [](const ProcessFacts& f, const TopContext&) { return f.cmdline; }},
    {"comm", "COMMAND", [](const ProcessFacts& f, const TopContext&) { return f.comm; }},
    {"user", "USER",
     [](const ProcessFacts& f, const TopContext& c) { return NameOr(c.users, StatusField(f, "Uid", 1)); }},
    {"ruser", "RUSER",
     [](const ProcessFacts& f, const TopContext& c) { return NameOr(c.users, StatusField(f, "Uid")); }},
    {"huser", "HUSER", [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "Uid", 1); }},
    {"group", "GROUP",
     [](const ProcessFacts& f, const TopContext& c) { return NameOr(c.groups, StatusField(f, "Gid", 1)); }},
    {"rgroup", "RGROUP",
     [](const ProcessFacts& f, const TopContext& c) { return NameOr(c.groups, StatusField(f, "Gid")); }},
    {"hgroup", "HGROUP", [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "Gid", 1); }},
    {"pid", "PID", [](const ProcessFacts& f, const TopContext& c) { return c.inner_pid.at(f.pid); }},
    {"hpid", "HPID", [](const ProcessFacts& f, const TopContext&) { return absl::StrCat(f.pid); }},
    {"ppid", "PPID", InnerParent},
    {"pgid", "PGID",
     [](const ProcessFacts& f, const TopContext&) { return Last(StatusField(f, "NSpgid", 0)); }},
    {"pcpu", "%CPU",
     [](const ProcessFacts& f, const TopContext& c) {
       const double elapsed = ElapsedSeconds(f, c);
       return absl::StrFormat("%.3f", elapsed > 0 ? 100 * CpuSeconds(f, c) / elapsed : 0.0);
     }},
    {"etime", "ELAPSED",
     [](const ProcessFacts& f, const TopContext& c) { return Duration(ElapsedSeconds(f, c)); }},
    {"time", "TIME", [](const ProcessFacts& f, const TopContext& c) { return Duration(CpuSeconds(f, c)); }},
    {"stime", "STIME", StartTime},
    {"tty", "TTY", [](const ProcessFacts& f, const TopContext&) { return Terminal(f); }},
    {"state", "STATE", [](const ProcessFacts& f, const TopContext&) { return f.stat[0]; }},
    {"nice", "NI", [](const ProcessFacts& f, const TopContext&) { return f.stat[16]; }},
    {"rss", "RSS", [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "VmRSS"); }},
    {"vsz", "VSZ", [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "VmSize"); }},
    {"capeff", "EFFECTIVE CAPS",
     [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "CapEff"); }},
    {"capbnd", "BOUNDING CAPS",
     [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "CapBnd"); }},
    {"capprm", "PERMITTED CAPS",
     [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "CapPrm"); }},
    {"capinh", "INHERITED CAPS",
     [](const ProcessFacts& f, const TopContext&) { return StatusField(f, "CapInh"); }},
    {"seccomp", "SECCOMP",
     [](const ProcessFacts& f, const TopContext&) {
       const std::string mode = StatusField(f, "Seccomp");
       return std::string(mode == "2" ? "filter" : mode == "1" ? "strict" : "disabled");
     }},
};

// id -> name of a passwd or group text.
std::map<std::string, std::string> NamesById(const std::string& text) {
  std::map<std::string, std::string> names;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, ':');
    if (fields.size() >= 3) names.emplace(fields[2], fields[0]);
  }
  return names;
}

absl::StatusOr<std::vector<const Descriptor*>> Choose(const std::vector<std::string>& names) {
  static const char* const kDefault[] = {"user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args"};
  std::vector<std::string> wanted(names);
  if (wanted.empty()) wanted.assign(std::begin(kDefault), std::end(kDefault));
  std::vector<const Descriptor*> chosen;
  for (const std::string& name : wanted) {
    const auto found = std::find_if(std::begin(kDescriptors), std::end(kDescriptors),
                                    [&name](const Descriptor& d) { return name == d.name; });
    if (found == std::end(kDescriptors)) {
      std::vector<std::string> known;
      for (const Descriptor& descriptor : kDescriptors) known.emplace_back(descriptor.name);
      return WithExitCode(
          absl::InvalidArgumentError(absl::StrCat("unknown descriptor '", name, "': the known ones are ",
                                                  absl::StrJoin(known, ", "))),
          125);
    }
    chosen.push_back(found);
  }
  return chosen;
}

TopContext MakeContext(const ContainerView& view) {
  TopContext context;
  const RootFiles files({absl::StrCat("/proc/", view.state.pid(), "/root")});
  context.users = NamesById(files.Read("etc/passwd"));
  context.groups = NamesById(files.Read("etc/group"));
  context.ticks = sysconf(_SC_CLK_TCK);
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  context.uptime = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  return context;
}

}  // namespace

absl::StatusOr<TopTable> Top(Engine& engine, const ContainerView& view,
                             const std::vector<std::string>& descriptors) {
  (void)engine;
  if (!IsRunning(view)) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("top of container ", view.record.name(), ": it is ",
                                                   StatusName(view), ", not running")),
        125);
  }
  ASSIGN_OR_RETURN(const std::vector<const Descriptor*> chosen, Choose(descriptors));
  ASSIGN_OR_RETURN(std::vector<int32_t> pids, PidsOf(view));
  std::sort(pids.begin(), pids.end());
  TopContext context = MakeContext(view);
  std::vector<ProcessFacts> processes;
  for (const int32_t pid : pids) {
    auto facts = ReadFacts(pid);
    if (!facts.ok()) continue;  // ended since it was listed
    const auto found = facts->status.find("NSpid");
    context.inner_pid[pid] = found == facts->status.end() ? absl::StrCat(pid) : Last(found->second);
    processes.push_back(*std::move(facts));
  }
  TopTable table;
  for (const Descriptor* descriptor : chosen) table.header.emplace_back(descriptor->header);
  for (const ProcessFacts& facts : processes) {
    std::vector<std::string> row;
    for (const Descriptor* descriptor : chosen) row.push_back(descriptor->get(facts, context));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace coracle::engine
