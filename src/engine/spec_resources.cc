// Limits: rlimits and cgroup resources.
#include <linux/limits.h>

#include <algorithm>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "engine/spec_builder.h"

namespace coracle::engine {
namespace {

using store::Limits;

constexpr uint64_t kDefaultNofile = 1048576;
constexpr uint64_t kUnlimited = ~uint64_t{0};
constexpr uint64_t kDefaultCpuPeriodUsec = 100000;

absl::Status Invalid(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

// Devices by number: throttling and weights name device nodes.
absl::StatusOr<oci::BlockIoDevice> BlockDevice(const SpecInput& input, const std::string& path) {
  const auto found = input.devices.find(path);
  if (found == input.devices.end() || found->second.type != "b") {
    return Invalid(absl::StrCat("not a block device: ", path));
  }
  oci::BlockIoDevice device;
  device.major = found->second.major;
  device.minor = found->second.minor;
  return device;
}

absl::Status AddRates(const SpecInput& input,
                      const google::protobuf::RepeatedPtrField<store::DeviceRate>& rates,
                      std::vector<oci::BlockIoDevice>& out) {
  for (const store::DeviceRate& rate : rates) {
    ASSIGN_OR_RETURN(oci::BlockIoDevice device, BlockDevice(input, rate.path()));
    device.rate = rate.value();
    out.push_back(device);
  }
  return absl::OkStatus();
}

absl::Status AddBlockIo(const SpecInput& input, oci::Resources& resources) {
  const Limits& limits = input.record->config().limits();
  oci::BlockIoResources block;
  if (limits.has_blkio_weight()) block.weight = static_cast<uint16_t>(limits.blkio_weight());
  for (const store::DeviceRate& rate : limits.blkio_weight_device()) {
    ASSIGN_OR_RETURN(oci::BlockIoDevice device, BlockDevice(input, rate.path()));
    device.weight = static_cast<uint16_t>(rate.value());
    block.weight_device.push_back(device);
  }
  RETURN_IF_ERROR(AddRates(input, limits.device_read_bps(), block.throttle_read_bps));
  RETURN_IF_ERROR(AddRates(input, limits.device_write_bps(), block.throttle_write_bps));
  RETURN_IF_ERROR(AddRates(input, limits.device_read_iops(), block.throttle_read_iops));
  RETURN_IF_ERROR(AddRates(input, limits.device_write_iops(), block.throttle_write_iops));
  const bool any = block.weight.has_value() || !block.weight_device.empty() ||
                   !block.throttle_read_bps.empty() || !block.throttle_write_bps.empty() ||
                   !block.throttle_read_iops.empty() || !block.throttle_write_iops.empty();
  if (any) resources.block_io = std::move(block);
  return absl::OkStatus();
}

void AddMemory(const Limits& limits, oci::Resources& resources) {
  if (!limits.has_memory_bytes() && !limits.has_memory_reservation_bytes() &&
      !limits.has_memory_swap_bytes() && !limits.has_memory_swappiness() && !limits.oom_kill_disable()) {
    return;
  }
  oci::MemoryResources memory;
  if (limits.has_memory_bytes()) memory.limit = limits.memory_bytes();
  if (limits.has_memory_reservation_bytes()) memory.reservation = limits.memory_reservation_bytes();
  if (limits.has_memory_swap_bytes()) memory.swap = limits.memory_swap_bytes();
  if (limits.has_memory_swappiness()) memory.swappiness = static_cast<uint64_t>(limits.memory_swappiness());
  if (limits.oom_kill_disable()) memory.disable_oom_killer = true;
  resources.memory = memory;
}

void AddCpu(const Limits& limits, oci::Resources& resources) {
  oci::CpuResources cpu;
  bool any = false;
  const auto set = [&any](auto& field, auto value) {
    field = value;
    any = true;
  };
  if (limits.has_cpu_shares()) set(cpu.shares, limits.cpu_shares());
  if (limits.has_cpu_period_usec()) set(cpu.period, limits.cpu_period_usec());
  if (limits.has_cpu_quota_usec()) set(cpu.quota, limits.cpu_quota_usec());
  if (limits.has_cpus_nano()) {
    set(cpu.period, kDefaultCpuPeriodUsec);
    set(cpu.quota, static_cast<int64_t>(limits.cpus_nano() / 10000));  // 1e-9 CPUs of 1e5 microseconds
  }
  if (limits.has_cpu_rt_period_usec()) set(cpu.realtime_period, limits.cpu_rt_period_usec());
  if (limits.has_cpu_rt_runtime_usec()) set(cpu.realtime_runtime, limits.cpu_rt_runtime_usec());
  if (!limits.cpuset_cpus().empty()) set(cpu.cpus, limits.cpuset_cpus());
  if (!limits.cpuset_mems().empty()) set(cpu.mems, limits.cpuset_mems());
  if (any) resources.cpu = cpu;
}

// "c 10:200 rwm", "a *:* rwm".
absl::StatusOr<oci::DeviceCgroupRule> ParseDeviceRule(const std::string& text) {
  const std::vector<std::string> fields = absl::StrSplit(text, ' ', absl::SkipEmpty());
  const absl::Status bad =
      Invalid(absl::StrCat("--device-cgroup-rule '", text, "': expected 'TYPE MAJOR:MINOR ACCESS'"));
  if (fields.size() != 3 || (fields[0] != "a" && fields[0] != "b" && fields[0] != "c")) return bad;
  oci::DeviceCgroupRule rule;
  rule.allow = true;
  rule.type = fields[0];
  const std::vector<std::string> numbers = absl::StrSplit(fields[1], ':');
  if (numbers.size() != 2) return bad;
  const auto parse = [](const std::string& number, std::optional<int64_t>& out) {
    int64_t value = 0;
    if (number == "*") return true;
    if (!absl::SimpleAtoi(number, &value) || value < 0) return false;
    out = value;
    return true;
  };
  if (!parse(numbers[0], rule.major) || !parse(numbers[1], rule.minor)) return bad;
  if (fields[2].empty() || fields[2].find_first_not_of("rwm") != std::string::npos) return bad;
  rule.access = fields[2];
  return rule;
}

absl::Status AddDevices(const SpecInput& input, oci::Spec& spec, oci::Resources& resources) {
  const store::ContainerConfig& config = input.record->config();
  if (config.privileged()) {
    resources.devices.push_back({true, "a", std::nullopt, std::nullopt, "rwm"});
    spec.linux_config.devices = input.all_host_devices;
  } else {
    resources.devices.push_back({false, "a", std::nullopt, std::nullopt, "rwm"});
  }
  for (const store::DeviceRequest& request : config.devices()) {
    const auto found = input.devices.find(request.host_path());
    if (found == input.devices.end()) return Invalid(absl::StrCat("no such device: ", request.host_path()));
    const HostDevice& host = found->second;
    oci::Device device{
        host.type, request.container_path(), host.major, host.minor, host.mode & 07777, host.uid, host.gid};
    spec.linux_config.devices.push_back(device);
    resources.devices.push_back({true, host.type, host.major, host.minor, request.access()});
  }
  for (const std::string& text : config.limits().device_cgroup_rules()) {
    ASSIGN_OR_RETURN(oci::DeviceCgroupRule rule, ParseDeviceRule(text));
    resources.devices.push_back(std::move(rule));
  }
  return absl::OkStatus();
}

// Memory, CPU, processes and the weight of block I/O: what can change while a container runs.
oci::Resources ChangeableLimits(const Limits& limits) {
  oci::Resources resources;
  AddMemory(limits, resources);
  AddCpu(limits, resources);
  if (limits.has_pids_limit()) resources.pids_limit = limits.pids_limit();
  if (limits.has_blkio_weight()) {
    resources.block_io.emplace().weight = static_cast<uint16_t>(limits.blkio_weight());
  }
  return resources;
}

}  // namespace

oci::Resources ChangedResources(const Limits& before, const Limits& after) {
  const auto memory = [](const Limits& limits) {
    return std::tuple(limits.memory_bytes(), limits.memory_reservation_bytes(), limits.memory_swap_bytes(),
                      limits.memory_swappiness());
  };
  const auto cpu = [](const Limits& limits) {
    return std::tuple(limits.cpu_shares(), limits.cpu_period_usec(), limits.cpu_quota_usec(),
                      limits.cpu_rt_period_usec(), limits.cpu_rt_runtime_usec(), limits.cpus_nano(),
                      limits.cpuset_cpus(), limits.cpuset_mems());
  };
  oci::Resources changed = ChangeableLimits(after);
  if (memory(before) == memory(after)) changed.memory.reset();
  if (cpu(before) == cpu(after)) changed.cpu.reset();
  if (before.pids_limit() == after.pids_limit()) changed.pids_limit.reset();
  if (before.blkio_weight() == after.blkio_weight()) changed.block_io.reset();
  return changed;
}

void ReplaceLimits(const Limits& limits, oci::Resources& resources) {
  oci::Resources fresh = ChangeableLimits(limits);
  resources.memory = fresh.memory;
  resources.cpu = fresh.cpu;
  resources.pids_limit = fresh.pids_limit;
  if (!fresh.block_io.has_value()) return;
  if (!resources.block_io.has_value()) resources.block_io.emplace();
  resources.block_io->weight = fresh.block_io->weight;
}

absl::Status AddResources(const SpecInput& input, oci::Spec& spec) {
  const Limits& limits = input.record->config().limits();
  oci::Resources resources;
  AddMemory(limits, resources);
  AddCpu(limits, resources);
  if (limits.has_pids_limit()) resources.pids_limit = limits.pids_limit();
  RETURN_IF_ERROR(AddBlockIo(input, resources));
  for (const store::StringPair& pair : limits.cgroup_conf()) resources.unified[pair.key()] = pair.value();
  RETURN_IF_ERROR(AddDevices(input, spec, resources));
  spec.linux_config.resources = std::move(resources);
  return absl::OkStatus();
}

// Defaults are never above our own hard limits; what the user asks for above them is refused here, where the
// message can say so, and not by a setrlimit(2) in the container.
absl::Status AddRlimits(const SpecInput& input, oci::Spec& spec) {
  const store::ContainerConfig& config = input.record->config();
  bool nofile_given = false;
  for (const store::Ulimit& ulimit : config.ulimits()) {
    oci::Rlimit rlimit;
    rlimit.type = absl::StrCat("RLIMIT_", absl::AsciiStrToUpper(ulimit.name()));
    rlimit.soft = ulimit.soft() < 0 ? kUnlimited : static_cast<uint64_t>(ulimit.soft());
    rlimit.hard = ulimit.hard() < 0 ? kUnlimited : static_cast<uint64_t>(ulimit.hard());
    const uint64_t own = rlimit.type == "RLIMIT_NOFILE"  ? input.host.nofile_hard
                         : rlimit.type == "RLIMIT_NPROC" ? input.host.nproc_hard
                                                         : kUnlimited;
    if (!input.host.may_raise_limits && rlimit.hard > own) {
      return Invalid(absl::StrCat("--ulimit ", ulimit.name(), ": ",
                                  ulimit.hard() < 0 ? "unlimited" : absl::StrCat(rlimit.hard),
                                  " is above this process's own hard limit of ", own,
                                  " and it may not raise it (no CAP_SYS_RESOURCE)"));
    }
    nofile_given = nofile_given || rlimit.type == "RLIMIT_NOFILE";
    spec.process->rlimits.push_back(std::move(rlimit));
  }
  if (!nofile_given && input.host.nofile_hard != 0) {
    const uint64_t nofile = std::min(kDefaultNofile, input.host.nofile_hard);
    spec.process->rlimits.push_back({"RLIMIT_NOFILE", nofile, nofile});
  }
  return absl::OkStatus();
}

}  // namespace coracle::engine
