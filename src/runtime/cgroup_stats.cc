// What a container used, from whichever hierarchy has it.
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/cgroup_state.h"

namespace coracle::runtime {
namespace {

// "8:0 rbytes=1 wbytes=2 ..." lines of io.stat.
void AddIoStat(absl::string_view text, CgroupStats* stats) {
  for (absl::string_view field : absl::StrSplit(text, absl::ByAnyChar(" \n"))) {
    uint64_t value = 0;
    if (absl::ConsumePrefix(&field, "rbytes=") && absl::SimpleAtoi(field, &value))
      stats->block_read_bytes += value;
    if (absl::ConsumePrefix(&field, "wbytes=") && absl::SimpleAtoi(field, &value))
      stats->block_write_bytes += value;
  }
}

// "8:0 Read 1" lines of blkio.throttle.io_service_bytes.
void AddServiceBytes(absl::string_view text, CgroupStats* stats) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
    uint64_t value = 0;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[2], &value)) continue;
    if (parts[1] == "Read") stats->block_read_bytes += value;
    if (parts[1] == "Write") stats->block_write_bytes += value;
  }
}

void CpuV2(const std::string& path, CgroupStats* stats) {
  const std::string text = ReadCgroupFile(path, "cpu.stat").value_or("");
  stats->cpu_usage_usec = CgroupField(text, "usage_usec").value_or(0);
  stats->cpu_user_usec = CgroupField(text, "user_usec").value_or(0);
  stats->cpu_system_usec = CgroupField(text, "system_usec").value_or(0);
  stats->cpu_throttled_usec = CgroupField(text, "throttled_usec").value_or(0);
}

void CpuAcct(const std::string& path, CgroupStats* stats) {
  const uint64_t tick_usec = 1000000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  const std::string text = ReadCgroupFile(path, "cpuacct.stat").value_or("");
  stats->cpu_usage_usec = ReadCgroupNumber(path, "cpuacct.usage").value_or(0) / 1000;
  stats->cpu_user_usec = CgroupField(text, "user").value_or(0) * tick_usec;
  stats->cpu_system_usec = CgroupField(text, "system").value_or(0) * tick_usec;
}

void MemoryV1(const std::string& path, CgroupStats* stats) {
  stats->memory_usage_bytes = ReadCgroupNumber(path, "memory.usage_in_bytes").value_or(0);
  stats->memory_limit_bytes = ReadCgroupNumber(path, "memory.limit_in_bytes").value_or(UINT64_MAX);
  stats->memory_cache_bytes =
      CgroupField(ReadCgroupFile(path, "memory.stat").value_or(""), "total_inactive_file").value_or(0);
}

void MemoryV2(const std::string& path, CgroupStats* stats) {
  stats->memory_usage_bytes = ReadCgroupNumber(path, "memory.current").value_or(0);
  stats->memory_limit_bytes = ReadCgroupNumber(path, "memory.max").value_or(UINT64_MAX);
  stats->memory_cache_bytes =
      CgroupField(ReadCgroupFile(path, "memory.stat").value_or(""), "inactive_file").value_or(0);
}

}  // namespace

absl::StatusOr<CgroupStats> Cgroup::Stats() const {
  if (state_->dirs.empty()) return absl::FailedPreconditionError("no cgroup: no statistics");
  CgroupStats stats;
  stats.memory_limit_bytes = UINT64_MAX;
  stats.pids_limit = UINT64_MAX;
  for (const CgroupDirectory& d : state_->dirs) {
    const auto has = [&](absl::string_view name) { return state_->Has(d, name); };
    if (d.v2) CpuV2(d.path, &stats);  // there without any controller
    if (!d.v2 && has("cpuacct") && state_->V2() == nullptr) CpuAcct(d.path, &stats);
    if (!d.v2 && has("cpu")) {
      const uint64_t ns =
          CgroupField(ReadCgroupFile(d.path, "cpu.stat").value_or(""), "throttled_time").value_or(0);
      stats.cpu_throttled_usec = std::max(stats.cpu_throttled_usec, ns / 1000);
    }
    if (has("memory") && d.v2) MemoryV2(d.path, &stats);
    if (has("memory") && !d.v2) MemoryV1(d.path, &stats);
    if (has("pids")) {
      stats.pids_current = ReadCgroupNumber(d.path, "pids.current").value_or(0);
      stats.pids_limit = ReadCgroupNumber(d.path, "pids.max").value_or(UINT64_MAX);
    }
    if (d.v2 && has("io")) AddIoStat(ReadCgroupFile(d.path, "io.stat").value_or(""), &stats);
    if (!d.v2 && has("blkio")) {
      AddServiceBytes(ReadCgroupFile(d.path, "blkio.throttle.io_service_bytes_recursive").value_or(""),
                      &stats);
    }
  }
  // Where nothing limits the cgroup, the machine does (v1 writes its own "unlimited", 2^63 rounded to pages).
  const uint64_t total =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  stats.memory_limit_bytes = std::min(stats.memory_limit_bytes, total);
  return stats;
}

bool Cgroup::OomKilled() const {
  for (const CgroupDirectory& d : state_->dirs) {
    if (!state_->Has(d, "memory")) continue;
    const std::optional<std::string> text =
        ReadCgroupFile(d.path, d.v2 ? "memory.events" : "memory.oom_control");
    if (text.has_value() && CgroupField(*text, "oom_kill").value_or(0) > 0) return true;
  }
  return false;
}

}  // namespace coracle::runtime
