// Limits: cgroup resources, ulimits; and the log, which is limited too.
#include <sys/resource.h>

#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/size.h"
#include "base/status.h"
#include "cli/container_options.h"

namespace coracle::cli {
namespace {

using store::ContainerConfig;
using store::Limits;

struct UlimitName {
  absl::string_view name;
  __rlimit_resource resource;
};
constexpr UlimitName kUlimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

absl::StatusOr<int64_t> Bytes(const ParsedCommand& parsed, absl::string_view option) {
  ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(parsed.GetString(option)), "--", option);
  return bytes;
}

absl::Status ReadMemory(const ParsedCommand& parsed, Limits& limits) {
  // Less than this can't even start a process (docker's bound).
  constexpr int64_t kLeastMemoryBytes = 512 << 10;
  if (parsed.WasSet("memory")) {
    ASSIGN_OR_RETURN(const int64_t bytes, Bytes(parsed, "memory"));
    if (bytes > 0 && bytes < kLeastMemoryBytes)
      return OptionError("memory", parsed.GetString("memory"), "less than 512 KiB");
    if (bytes > 0) limits.set_memory_bytes(bytes);
  }
  if (parsed.WasSet("memory-reservation")) {
    ASSIGN_OR_RETURN(const int64_t bytes, Bytes(parsed, "memory-reservation"));
    if (limits.has_memory_bytes() && bytes > limits.memory_bytes()) {
      return OptionError("memory-reservation", parsed.GetString("memory-reservation"), "more than --memory");
    }
    if (bytes > 0) limits.set_memory_reservation_bytes(bytes);
  }
  if (parsed.WasSet("memory-swap")) {
    const std::string text = parsed.GetString("memory-swap");
    if (!limits.has_memory_bytes()) return OptionError("memory-swap", text, "needs --memory");
    if (text == "-1") {
      limits.set_memory_swap_bytes(-1);
    } else {
      ASSIGN_OR_RETURN(const int64_t bytes, Bytes(parsed, "memory-swap"));
      if (bytes > 0 && bytes < limits.memory_bytes())
        return OptionError("memory-swap", text, "less than --memory");
      if (bytes > 0) limits.set_memory_swap_bytes(bytes);
    }
  }
  if (parsed.WasSet("memory-swappiness") && parsed.GetInt("memory-swappiness") != -1) {
    const int64_t percent = parsed.GetInt("memory-swappiness");
    if (percent < 0 || percent > 100)
      return OptionError("memory-swappiness", absl::StrCat(percent), "expected 0 to 100");
    limits.set_memory_swappiness(percent);
  }
  return absl::OkStatus();
}

absl::Status ReadCpu(const ParsedCommand& parsed, Limits& limits) {
  if (parsed.WasSet("cpus")) {
    const double cpus = parsed.GetFloat("cpus");
    if (!(cpus >= 0) || cpus > 1e6)
      return OptionError("cpus", parsed.GetString("cpus"), "not a number of CPUs");
    if (parsed.WasSet("cpu-period") || parsed.WasSet("cpu-quota")) {
      return OptionError("cpus", parsed.GetString("cpus"), "conflicts with --cpu-period and --cpu-quota");
    }
    if (cpus > 0) limits.set_cpus_nano(static_cast<int64_t>(std::llround(cpus * 1e9)));
    if (cpus > 0 && cpus < 0.01) return OptionError("cpus", parsed.GetString("cpus"), "less than 0.01");
  }
  if (parsed.GetUint("cpu-shares") != 0) limits.set_cpu_shares(parsed.GetUint("cpu-shares"));
  if (parsed.GetUint("cpu-period") != 0) limits.set_cpu_period_usec(parsed.GetUint("cpu-period"));
  if (parsed.GetInt("cpu-quota") != 0) limits.set_cpu_quota_usec(parsed.GetInt("cpu-quota"));
  if (parsed.GetUint("cpu-rt-period") != 0) limits.set_cpu_rt_period_usec(parsed.GetUint("cpu-rt-period"));
  if (parsed.GetInt("cpu-rt-runtime") != 0) limits.set_cpu_rt_runtime_usec(parsed.GetInt("cpu-rt-runtime"));
  if (parsed.WasSet("cpuset-cpus")) limits.set_cpuset_cpus(parsed.GetString("cpuset-cpus"));
  if (parsed.WasSet("cpuset-mems")) limits.set_cpuset_mems(parsed.GetString("cpuset-mems"));
  return absl::OkStatus();
}

// DEVICE:VALUE, the value in bytes or a plain number.
absl::Status ReadRates(const ParsedCommand& parsed, absl::string_view option,
                       google::protobuf::RepeatedPtrField<store::DeviceRate>* rates) {
  for (const std::string& text : parsed.GetList(option)) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos || text[0] != '/')
      return OptionError(option, text, "expected DEVICE:VALUE");
    const auto value = ParseSize(text.substr(colon + 1));
    if (!value.ok() || *value < 0) return OptionError(option, text, "the value is not a number");
    store::DeviceRate* rate = rates->Add();
    rate->set_path(text.substr(0, colon));
    rate->set_value(static_cast<uint64_t>(*value));
  }
  return absl::OkStatus();
}

absl::Status ReadBlockIoWeight(const ParsedCommand& parsed, Limits& limits) {
  if (const uint64_t weight = parsed.GetUint("blkio-weight"); weight != 0) {
    if (weight < 10 || weight > 1000)
      return OptionError("blkio-weight", absl::StrCat(weight), "expected 10 to 1000");
    limits.set_blkio_weight(static_cast<uint32_t>(weight));
  }
  return absl::OkStatus();
}

absl::Status ReadBlockIo(const ParsedCommand& parsed, Limits& limits) {
  RETURN_IF_ERROR(ReadBlockIoWeight(parsed, limits));
  RETURN_IF_ERROR(ReadRates(parsed, "blkio-weight-device", limits.mutable_blkio_weight_device()));
  RETURN_IF_ERROR(ReadRates(parsed, "device-read-bps", limits.mutable_device_read_bps()));
  RETURN_IF_ERROR(ReadRates(parsed, "device-write-bps", limits.mutable_device_write_bps()));
  RETURN_IF_ERROR(ReadRates(parsed, "device-read-iops", limits.mutable_device_read_iops()));
  return ReadRates(parsed, "device-write-iops", limits.mutable_device_write_iops());
}

void ReadPidsLimit(const ParsedCommand& parsed, Limits& limits) {
  if (!parsed.WasSet("pids-limit")) return;
  // 0 and -1 mean no limit, as podman and docker have it.
  const int64_t pids = parsed.GetInt("pids-limit");
  limits.set_pids_limit(pids <= 0 ? -1 : pids);
}

absl::StatusOr<int64_t> UlimitNumber(const std::string& text, const std::string& number) {
  int64_t value = 0;
  if (number == "-1" || number == "unlimited") return -1;
  if (!absl::SimpleAtoi(number, &value) || value < 0) return OptionError("ulimit", text, "not a number");
  return value;
}

absl::Status ReadUlimit(const std::string& text, ContainerConfig& config) {
  if (text == "host") {
    for (const UlimitName& known : kUlimits) {
      rlimit own = {};
      if (getrlimit(known.resource, &own) != 0) continue;
      store::Ulimit* ulimit = config.add_ulimits();
      ulimit->set_name(std::string(known.name));
      ulimit->set_soft(own.rlim_cur == RLIM_INFINITY ? -1 : static_cast<int64_t>(own.rlim_cur));
      ulimit->set_hard(own.rlim_max == RLIM_INFINITY ? -1 : static_cast<int64_t>(own.rlim_max));
    }
    return absl::OkStatus();
  }
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  std::string name = absl::AsciiStrToLower(parts.first);
  if (absl::StartsWith(name, "rlimit_")) name = name.substr(7);
  bool known = false;
  for (const UlimitName& row : kUlimits) known = known || row.name == name;
  if (!known) return OptionError("ulimit", text, "unknown limit");
  const std::pair<std::string, std::string> values = absl::StrSplit(parts.second, absl::MaxSplits(':', 1));
  ASSIGN_OR_RETURN(const int64_t soft, UlimitNumber(text, values.first));
  int64_t hard = soft;
  if (absl::StrContains(parts.second, ':')) {
    ASSIGN_OR_RETURN(hard, UlimitNumber(text, values.second));
  }
  if (hard != -1 && (soft == -1 || soft > hard))
    return OptionError("ulimit", text, "the soft limit is above the hard one");
  store::Ulimit* ulimit = config.add_ulimits();
  ulimit->set_name(name);
  ulimit->set_soft(soft);
  ulimit->set_hard(hard);
  return absl::OkStatus();
}

absl::Status ReadCgroupsMode(const ParsedCommand& parsed, ContainerConfig& config) {
  const std::string mode = parsed.GetString("cgroups");
  if (mode != "enabled" && mode != "disabled" && mode != "no-conmon" && mode != "split") {
    return OptionError("cgroups", mode, "expected enabled, disabled, no-conmon or split");
  }
  // systemd hears readiness only from processes of the unit that it started.
  const bool in_unit = getenv("NOTIFY_SOCKET") != nullptr && parsed.GetString("sdnotify") != "ignore";
  config.set_cgroups(in_unit && !parsed.WasSet("cgroups") ? "no-conmon" : mode);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadLimitOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  Limits& limits = *config.mutable_limits();
  RETURN_IF_ERROR(ReadMemory(parsed, limits));
  RETURN_IF_ERROR(ReadCpu(parsed, limits));
  limits.set_oom_kill_disable(parsed.GetBool("oom-kill-disable"));
  RETURN_IF_ERROR(ReadBlockIo(parsed, limits));
  ReadPidsLimit(parsed, limits);
  for (const std::string& rule : parsed.GetList("device-cgroup-rule")) limits.add_device_cgroup_rules(rule);
  if (parsed.WasSet("oom-score-adj")) {
    const int64_t score = parsed.GetInt("oom-score-adj");
    if (score < -1000 || score > 1000)
      return OptionError("oom-score-adj", absl::StrCat(score), "expected -1000 to 1000");
    config.set_oom_score_adj(static_cast<int32_t>(score));
  }
  for (const std::string& text : parsed.GetList("ulimit")) RETURN_IF_ERROR(ReadUlimit(text, config));
  config.set_cgroup_parent(parsed.GetString("cgroup-parent"));
  config.set_runtime(parsed.GetString("runtime"));
  return ReadCgroupsMode(parsed, config);
}

absl::Status ReadChangedLimits(const ParsedCommand& parsed, Limits& limits) {
  if (parsed.WasSet("cpus")) {
    limits.clear_cpu_period_usec();
    limits.clear_cpu_quota_usec();
  }
  if (parsed.WasSet("cpu-period") || parsed.WasSet("cpu-quota")) limits.clear_cpus_nano();
  RETURN_IF_ERROR(ReadMemory(parsed, limits));
  if (limits.memory_swap_bytes() > 0 && limits.memory_bytes() > limits.memory_swap_bytes()) {
    return OptionError("memory", parsed.GetString("memory"),
                       "more than its limit of memory and swap: give --memory-swap too");
  }
  RETURN_IF_ERROR(ReadCpu(parsed, limits));
  RETURN_IF_ERROR(ReadBlockIoWeight(parsed, limits));
  ReadPidsLimit(parsed, limits);
  return absl::OkStatus();
}

absl::Status ReadLogOptions(const ParsedCommand& parsed, ContainerConfig& config) {
  store::LogConfig& log = *config.mutable_log();
  const std::string driver = parsed.GetString("log-driver");
  log.set_driver(driver.empty() ? "k8s-file" : driver);
  if (driver == "journald" || driver == "syslog" || driver == "passthrough-tty" || driver == "local") {
    return NotSupportedYet(absl::StrCat("--log-driver ", driver));
  }
  if (log.driver() != "k8s-file" && log.driver() != "json-file" && log.driver() != "none" &&
      log.driver() != "passthrough") {
    return OptionError("log-driver", driver, "expected k8s-file, json-file, none or passthrough");
  }
  for (const std::string& text : parsed.GetList("log-opt")) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.first == "path") {
      log.set_path(parts.second);
    } else if (parts.first == "max-size") {
      ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(parts.second), "--log-opt ", text);
      log.set_max_size_bytes(static_cast<uint64_t>(bytes));
    } else if (parts.first == "max-file") {
      uint32_t files = 0;
      if (!absl::SimpleAtoi(parts.second, &files) || files == 0)
        return OptionError("log-opt", text, "not a number of files");
      log.set_max_files(files);
    } else if (parts.first == "tag") {
      log.set_tag(parts.second);
    } else {
      return OptionError("log-opt", text, "unknown option: expected path, max-size, max-file or tag");
    }
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
