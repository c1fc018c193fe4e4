#include "engine/stats.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "engine/container_pids.h"
#include "os/file.h"
#include "runtime/cgroup.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

uint64_t Number(absl::string_view text) {
  uint64_t value = 0;
  (void)absl::SimpleAtoi(text, &value);  // proc(5) gives numbers; anything else counts as 0
  return value;
}

void AddCgroup(const ContainerView& view, StatsSample& sample) {
  const std::vector<std::string> paths(view.state.cgroup_paths().begin(), view.state.cgroup_paths().end());
  if (paths.empty()) return;
  const auto cgroup = runtime::Cgroup::Open(paths);
  if (!cgroup.ok()) return;
  const auto stats = (*cgroup)->Stats();
  if (!stats.ok()) return;
  sample.cpu_nanos = stats->cpu_usage_usec * 1000;
  sample.cpu_system_nanos = stats->cpu_system_usec * 1000;
  sample.memory_bytes =
      stats->memory_usage_bytes - std::min(stats->memory_cache_bytes, stats->memory_usage_bytes);
  sample.memory_limit_bytes = stats->memory_limit_bytes;
  sample.pids = stats->pids_current;
  sample.block_read_bytes = stats->block_read_bytes;
  sample.block_write_bytes = stats->block_write_bytes;
}

// What the cgroup did not tell. A container that runs has a process, which has used memory and time.
void AddProcesses(const ContainerView& view, StatsSample& sample) {
  const bool wants_cpu = sample.cpu_nanos == 0, wants_memory = sample.memory_bytes == 0;
  const bool wants_pids = sample.pids == 0;
  if (!wants_cpu && !wants_memory && !wants_pids) return;
  const auto pids = PidsOf(view);
  if (!pids.ok()) return;
  const uint64_t tick_nanos = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  for (const int32_t pid : *pids) {
    const auto stat = ReadProcessStat(pid);
    const auto statm = os::ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/statm"), 4096);
    if (!stat.ok() || !statm.ok()) continue;                  // ended since it was listed
    if (wants_pids) sample.pids += Number(stat->fields[17]);  // threads, as the cgroup counts them
    if (wants_cpu) {
      // utime, stime, and both of the children that it has waited for
      sample.cpu_nanos += (Number(stat->fields[11]) + Number(stat->fields[12]) + Number(stat->fields[13]) +
                           Number(stat->fields[14])) *
                          tick_nanos;
      sample.cpu_system_nanos += (Number(stat->fields[12]) + Number(stat->fields[14])) * tick_nanos;
    }
    // Resident without shared: pages of files would count once for each process.
    const std::vector<absl::string_view> pages = absl::StrSplit(*statm, ' ');
    if (wants_memory && pages.size() > 2) {
      const uint64_t resident = Number(pages[1]);
      sample.memory_bytes += (resident - std::min(resident, Number(pages[2]))) * page;
    }
  }
}

}  // namespace

void AddInterfaces(absl::string_view net_dev, StatsSample& sample) {
  for (const absl::string_view line : absl::StrSplit(net_dev, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> halves = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (halves.size() != 2 || absl::StripAsciiWhitespace(halves[0]) == "lo") continue;
    const std::vector<absl::string_view> numbers = absl::StrSplit(halves[1], ' ', absl::SkipEmpty());
    if (numbers.size() < 9) continue;
    sample.net_input_bytes += Number(numbers[0]);
    sample.net_output_bytes += Number(numbers[8]);
  }
}

absl::StatusOr<StatsSample> SampleStats(const ContainerView& view) {
  StatsSample sample;
  sample.memory_limit_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  sample.unix_nanos = store::EventTime();
  AddCgroup(view, sample);
  AddProcesses(view, sample);
  if (view.record.config().network_mode() != "host") {
    ASSIGN_OR_RETURN(const std::string text,
                     os::ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", view.state.pid(), "/net/dev"), 1 << 20));
    sample.has_network = true;
    AddInterfaces(text, sample);
  }
  return sample;
}

}  // namespace coracle::engine
