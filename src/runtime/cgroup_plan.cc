#include "runtime/cgroup_plan.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace coracle::runtime {
namespace {

constexpr uint64_t kMaxCpuShares = 262144;

class Planner {
 public:
  Planner(const FindController& find, const CurrentLimits& current) : find_(find), current_(current) {}

  absl::Status Memory(const oci::MemoryResources& m);
  absl::Status Cpu(const oci::CpuResources& c);
  absl::Status Cpuset(const oci::CpuResources& c);
  absl::Status Pids(int64_t limit);
  absl::Status BlockIo(const oci::BlockIoResources& b);
  absl::Status Hugetlb(const std::vector<oci::HugepageLimit>& limits);
  absl::Status Network(const oci::Resources& r);
  absl::Status Rdma(const std::map<std::string, oci::RdmaLimit>& rdma);
  absl::Status Unified(const std::map<std::string, std::string>& keys);

  std::vector<CgroupWrite> Take() { return std::move(writes_); }

 private:
  CgroupWrite& Add(absl::string_view controller, bool v2, absl::string_view file, std::string value,
                   absl::string_view option) {
    CgroupWrite w;
    w.controller = std::string(controller);
    w.file = std::string(file);
    w.value = std::move(value);
    w.v2 = v2;
    w.option = std::string(option);
    writes_.push_back(std::move(w));
    return writes_.back();
  }
  static absl::Status Missing(absl::string_view controller, absl::string_view option) {
    return absl::FailedPreconditionError(
        absl::StrCat("cgroup controller '", controller, "' is not available: cannot apply ", option));
  }
  static absl::Status NotInV2(absl::string_view option) {
    return absl::FailedPreconditionError(absl::StrCat("cgroup v2 has no such limit: cannot apply ", option));
  }
  absl::Status MemoryV1(const oci::MemoryResources& m);
  absl::Status MemoryV2(const oci::MemoryResources& m);
  absl::Status CpuV1(const oci::CpuResources& c);
  absl::Status CpuV2(const oci::CpuResources& c);
  void BlockIoV1(const oci::BlockIoResources& b);
  void BlockIoV2(const oci::BlockIoResources& b);

  const FindController& find_;
  const CurrentLimits& current_;
  std::vector<CgroupWrite> writes_;
};

// "-1" in v1 and "max" in v2 stand for no limit; so does 0, which engines send for "not set".
std::string LimitText(int64_t value, absl::string_view unlimited) {
  return value <= 0 ? std::string(unlimited) : absl::StrCat(value);
}

// `memory.swap` counts memory and swap together, 0 means not set, -1 unlimited.
absl::Status CheckMemory(const oci::MemoryResources& m) {
  const int64_t limit = m.limit.value_or(0), swap = m.swap.value_or(0);
  if (limit < -1)
    return absl::InvalidArgumentError(absl::StrCat("memory.limit ", limit, ": must be -1 or more"));
  if (swap < -1)
    return absl::InvalidArgumentError(absl::StrCat("memory.swap ", swap, ": must be -1 or more"));
  if (swap > 0 && limit > swap) {
    return absl::InvalidArgumentError(absl::StrCat(
        "memory.swap ", swap, ": counts memory and swap, must be at least memory.limit ", limit));
  }
  if (m.swappiness.has_value() && *m.swappiness > 100) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory.swappiness ", *m.swappiness, ": must be 0 to 100"));
  }
  return absl::OkStatus();
}

bool AsksForMemory(const oci::MemoryResources& m) {
  return m.limit.value_or(0) > 0 || m.swap.value_or(0) > 0 || m.reservation.value_or(0) > 0 ||
         m.kernel_tcp.value_or(0) > 0 || m.swappiness.has_value() || m.disable_oom_killer.value_or(false);
}

absl::Status Planner::Memory(const oci::MemoryResources& m) {
  RETURN_IF_ERROR(CheckMemory(m));
  switch (find_("memory")) {
    case ControllerPlace::kV1:
      return MemoryV1(m);
    case ControllerPlace::kV2:
      return MemoryV2(m);
    case ControllerPlace::kNone:
      break;
  }
  return AsksForMemory(m) ? Missing("memory", "--memory") : absl::OkStatus();
}

// The kernel refuses any write that would leave limit > memsw. If the new limit fits below the current memsw,
// it goes first; else memsw is raised first.
absl::Status Planner::MemoryV1(const oci::MemoryResources& m) {
  const int64_t limit = m.limit.value_or(0), swap = m.swap.value_or(0);
  const bool limit_fits =
      limit >= 0 && (!current_.v1_memsw.has_value() || static_cast<uint64_t>(limit) <= *current_.v1_memsw);
  // An unlimited limit with a limited memsw in place would be refused.
  int64_t memsw = swap;
  if (limit == -1 && swap == 0 && current_.v1_memsw.has_value()) memsw = -1;
  if (!limit_fits && memsw == 0 && current_.v1_memsw.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("memory.limit ", limit,
                                                   ": above the memory and swap limit ", *current_.v1_memsw,
                                                   " in place, raise --memory-swap too"));
  }
  const auto add_memsw = [&] {
    if (memsw == 0) return;
    CgroupWrite& w =
        Add("memory", false, "memory.memsw.limit_in_bytes", LimitText(memsw, "-1"), "--memory-swap");
    w.optional = memsw < 0;  // without swap accounting there is no limit anyway
  };
  if (!limit_fits) add_memsw();
  if (limit != 0) Add("memory", false, "memory.limit_in_bytes", LimitText(limit, "-1"), "--memory");
  if (limit_fits) add_memsw();
  if (m.reservation.value_or(0) != 0) {
    Add("memory", false, "memory.soft_limit_in_bytes", LimitText(*m.reservation, "-1"),
        "--memory-reservation");
  }
  if (m.kernel_tcp.value_or(0) != 0) {
    Add("memory", false, "memory.kmem.tcp.limit_in_bytes", LimitText(*m.kernel_tcp, "-1"),
        "kernelTCP memory");
  }
  if (m.use_hierarchy.value_or(false)) {
    Add("memory", false, "memory.use_hierarchy", "1", "useHierarchy").optional =
        true;  // always on since Linux 5.11
  }
  if (m.swappiness.has_value()) {
    Add("memory", false, "memory.swappiness", absl::StrCat(*m.swappiness), "--memory-swappiness");
  }
  if (m.disable_oom_killer.has_value()) {
    Add("memory", false, "memory.oom_control", *m.disable_oom_killer ? "1" : "0", "--oom-kill-disable");
  }
  return absl::OkStatus();
}

absl::Status Planner::MemoryV2(const oci::MemoryResources& m) {
  if (m.swappiness.has_value()) return NotInV2("--memory-swappiness");
  if (m.disable_oom_killer.value_or(false)) return NotInV2("--oom-kill-disable");
  if (m.kernel_tcp.value_or(0) > 0) return NotInV2("kernelTCP memory");
  const int64_t limit = m.limit.value_or(0), swap = m.swap.value_or(0);
  if (swap > 0) {
    if (limit <= 0) {
      return absl::InvalidArgumentError("memory.swap: counts memory and swap, so it needs memory.limit too");
    }
    Add("memory", true, "memory.swap.max", absl::StrCat(swap - limit), "--memory-swap");
  } else if (swap == -1 || limit == -1) {
    Add("memory", true, "memory.swap.max", "max", "--memory-swap").optional = true;
  }
  if (limit != 0) Add("memory", true, "memory.max", LimitText(limit, "max"), "--memory");
  if (m.reservation.value_or(0) != 0) {
    Add("memory", true, "memory.low", LimitText(*m.reservation, "max"), "--memory-reservation");
  }
  return absl::OkStatus();
}

absl::Status Planner::Cpu(const oci::CpuResources& c) {
  const bool any = c.shares.value_or(0) != 0 || c.period.value_or(0) != 0 || c.quota.value_or(0) != 0 ||
                   c.burst.has_value() || c.idle.has_value() || c.realtime_period.value_or(0) != 0 ||
                   c.realtime_runtime.value_or(0) != 0;
  if (!any) return absl::OkStatus();
  switch (find_("cpu")) {
    case ControllerPlace::kV1:
      return CpuV1(c);
    case ControllerPlace::kV2:
      return CpuV2(c);
    case ControllerPlace::kNone:
      break;
  }
  return Missing("cpu", c.quota.value_or(0) != 0 ? "--cpus" : "--cpu-shares");
}

// burst must stay at or below quota at every step, and a child's quota/period below its parent's: what the
// kernel refuses because of the order is tried again at the end.
absl::Status Planner::CpuV1(const oci::CpuResources& c) {
  const bool idle = c.idle.value_or(0) != 0;
  if (c.idle.has_value() && !idle) Add("cpu", false, "cpu.idle", "0", "cpu.idle").optional = true;
  // A weight can't be set while cpu.idle is 1, and means nothing then.
  if (c.shares.value_or(0) != 0 && !idle) {
    Add("cpu", false, "cpu.shares", absl::StrCat(std::min(*c.shares, kMaxCpuShares)), "--cpu-shares");
  }
  if (idle) Add("cpu", false, "cpu.idle", "1", "cpu.idle");
  if (c.period.value_or(0) != 0) {
    Add("cpu", false, "cpu.cfs_period_us", absl::StrCat(*c.period), "--cpu-period").retry = true;
  }
  if (c.burst.has_value()) {
    Add("cpu", false, "cpu.cfs_burst_us", absl::StrCat(*c.burst), "cpu.burst").retry = true;
  }
  if (c.quota.value_or(0) != 0) {
    Add("cpu", false, "cpu.cfs_quota_us", LimitText(*c.quota, "-1"), "--cpu-quota").retry = true;
  }
  if (c.realtime_period.value_or(0) != 0) {
    Add("cpu", false, "cpu.rt_period_us", absl::StrCat(*c.realtime_period), "--cpu-rt-period").retry = true;
  }
  if (c.realtime_runtime.value_or(0) != 0) {
    Add("cpu", false, "cpu.rt_runtime_us", absl::StrCat(*c.realtime_runtime), "--cpu-rt-runtime").retry =
        true;
  }
  return absl::OkStatus();
}

absl::Status Planner::CpuV2(const oci::CpuResources& c) {
  if (c.realtime_period.value_or(0) != 0) return NotInV2("--cpu-rt-period");
  if (c.realtime_runtime.value_or(0) != 0) return NotInV2("--cpu-rt-runtime");
  const bool idle = c.idle.value_or(0) != 0;
  if (c.idle.has_value() && !idle) Add("cpu", true, "cpu.idle", "0", "cpu.idle").optional = true;
  if (c.shares.value_or(0) != 0 && !idle) {
    Add("cpu", true, "cpu.weight", absl::StrCat(CpuWeightOfShares(*c.shares)), "--cpu-shares");
  }
  if (idle) Add("cpu", true, "cpu.idle", "1", "cpu.idle");
  if (c.burst.has_value()) {
    Add("cpu", true, "cpu.max.burst", absl::StrCat(*c.burst), "cpu.burst").retry = true;
  }
  if (c.quota.value_or(0) != 0 || c.period.value_or(0) != 0) {
    // A lone first field keeps the period in place; a lone period needs the quota in place repeated.
    std::string value = c.quota.value_or(0) != 0 ? LimitText(*c.quota, "max") : current_.v2_cpu_quota;
    if (c.period.value_or(0) != 0) absl::StrAppend(&value, " ", *c.period);
    Add("cpu", true, "cpu.max", std::move(value), "--cpus").retry = true;
  }
  return absl::OkStatus();
}

absl::Status Planner::Cpuset(const oci::CpuResources& c) {
  if (c.cpus.empty() && c.mems.empty()) return absl::OkStatus();
  const ControllerPlace place = find_("cpuset");
  if (place == ControllerPlace::kNone) {
    return Missing("cpuset", c.cpus.empty() ? "--cpuset-mems" : "--cpuset-cpus");
  }
  const bool v2 = place == ControllerPlace::kV2;
  if (!c.cpus.empty()) Add("cpuset", v2, "cpuset.cpus", c.cpus, "--cpuset-cpus");
  if (!c.mems.empty()) Add("cpuset", v2, "cpuset.mems", c.mems, "--cpuset-mems");
  return absl::OkStatus();
}

absl::Status Planner::Pids(int64_t limit) {
  const ControllerPlace place = find_("pids");
  if (place == ControllerPlace::kNone) {
    return limit > 0 ? Missing("pids", "--pids-limit") : absl::OkStatus();
  }
  Add("pids", place == ControllerPlace::kV2, "pids.max", LimitText(limit, "max"), "--pids-limit");
  return absl::OkStatus();
}

absl::Status CheckBlockIo(const oci::BlockIoResources& b) {
  const auto bad = [](std::optional<uint16_t> w) { return w.value_or(0) != 0 && (*w < 10 || *w > 1000); };
  bool wrong = bad(b.weight) || bad(b.leaf_weight);
  for (const oci::BlockIoDevice& d : b.weight_device) wrong |= bad(d.weight) || bad(d.leaf_weight);
  if (wrong) return absl::InvalidArgumentError("blockIO weight: must be 10 to 1000");
  return absl::OkStatus();
}

absl::Status Planner::BlockIo(const oci::BlockIoResources& b) {
  RETURN_IF_ERROR(CheckBlockIo(b));
  const bool throttles = !b.throttle_read_bps.empty() || !b.throttle_write_bps.empty() ||
                         !b.throttle_read_iops.empty() || !b.throttle_write_iops.empty();
  const bool any =
      b.weight.value_or(0) != 0 || b.leaf_weight.value_or(0) != 0 || !b.weight_device.empty() || throttles;
  if (!any) return absl::OkStatus();
  if (find_("blkio") == ControllerPlace::kV1) {
    BlockIoV1(b);
  } else if (find_("io") == ControllerPlace::kV2) {
    if (b.leaf_weight.value_or(0) != 0) return NotInV2("blockIO leafWeight");
    BlockIoV2(b);
  } else {
    return Missing("io", throttles ? "--device-read-bps and the like" : "--blkio-weight");
  }
  return absl::OkStatus();
}

void Planner::BlockIoV1(const oci::BlockIoResources& b) {
  // blkio.weight went with the CFQ scheduler in Linux 5.0; BFQ's file is its successor.
  const auto weight = [&](absl::string_view file, std::string value, absl::string_view option) {
    CgroupWrite& w = Add("blkio", false, absl::StrCat("blkio.", file), value, option);
    w.fallback_file = absl::StrCat("blkio.bfq.", file);
    w.fallback_value = std::move(value);
  };
  if (b.weight.value_or(0) != 0) weight("weight", absl::StrCat(*b.weight), "--blkio-weight");
  if (b.leaf_weight.value_or(0) != 0) {
    Add("blkio", false, "blkio.leaf_weight", absl::StrCat(*b.leaf_weight), "blockIO leafWeight");
  }
  for (const oci::BlockIoDevice& d : b.weight_device) {
    const std::string device = absl::StrCat(d.major, ":", d.minor, " ");
    if (d.weight.value_or(0) != 0) {
      weight("weight_device", absl::StrCat(device, *d.weight), "--blkio-weight-device");
    }
    if (d.leaf_weight.value_or(0) != 0) {
      Add("blkio", false, "blkio.leaf_weight_device", absl::StrCat(device, *d.leaf_weight),
          "blockIO leafWeight");
    }
  }
  const auto throttle = [&](const std::vector<oci::BlockIoDevice>& devices, absl::string_view file,
                            absl::string_view option) {
    for (const oci::BlockIoDevice& d : devices) {
      Add("blkio", false, file, absl::StrCat(d.major, ":", d.minor, " ", d.rate), option);
    }
  };
  throttle(b.throttle_read_bps, "blkio.throttle.read_bps_device", "--device-read-bps");
  throttle(b.throttle_write_bps, "blkio.throttle.write_bps_device", "--device-write-bps");
  throttle(b.throttle_read_iops, "blkio.throttle.read_iops_device", "--device-read-iops");
  throttle(b.throttle_write_iops, "blkio.throttle.write_iops_device", "--device-write-iops");
}

void Planner::BlockIoV2(const oci::BlockIoResources& b) {
  const auto weight = [&](absl::string_view device, uint16_t value, absl::string_view option) {
    CgroupWrite& w = Add("io", true, "io.bfq.weight", absl::StrCat(device, value), option);
    w.fallback_file = "io.weight";
    w.fallback_value = absl::StrCat(device, IoWeightOfBlkioWeight(value));
  };
  if (b.weight.value_or(0) != 0) weight("", *b.weight, "--blkio-weight");
  for (const oci::BlockIoDevice& d : b.weight_device) {
    if (d.weight.value_or(0) != 0) {
      weight(absl::StrCat(d.major, ":", d.minor, " "), *d.weight, "--blkio-weight-device");
    }
  }
  const auto throttle = [&](const std::vector<oci::BlockIoDevice>& devices, absl::string_view key,
                            absl::string_view option) {
    for (const oci::BlockIoDevice& d : devices) {
      Add("io", true, "io.max",
          absl::StrCat(d.major, ":", d.minor, " ", key, "=", d.rate == 0 ? "max" : absl::StrCat(d.rate)),
          option);
    }
  };
  throttle(b.throttle_read_bps, "rbps", "--device-read-bps");
  throttle(b.throttle_write_bps, "wbps", "--device-write-bps");
  throttle(b.throttle_read_iops, "riops", "--device-read-iops");
  throttle(b.throttle_write_iops, "wiops", "--device-write-iops");
}

absl::Status Planner::Hugetlb(const std::vector<oci::HugepageLimit>& limits) {
  if (limits.empty()) return absl::OkStatus();
  const ControllerPlace place = find_("hugetlb");
  if (place == ControllerPlace::kNone) return Missing("hugetlb", "hugepageLimits");
  const bool v2 = place == ControllerPlace::kV2;
  const absl::string_view suffix = v2 ? "max" : "limit_in_bytes";
  for (const oci::HugepageLimit& l : limits) {
    if (l.page_size.empty() || !std::all_of(l.page_size.begin(), l.page_size.end(), absl::ascii_isalnum)) {
      return absl::InvalidArgumentError(
          absl::StrCat("hugepageLimits.pageSize '", l.page_size, "': not like 2MB"));
    }
    Add("hugetlb", v2, absl::StrCat("hugetlb.", l.page_size, ".", suffix), absl::StrCat(l.limit),
        "hugepageLimits");
    Add("hugetlb", v2, absl::StrCat("hugetlb.", l.page_size, ".rsvd.", suffix), absl::StrCat(l.limit),
        "hugepageLimits")
        .optional = true;
  }
  return absl::OkStatus();
}

absl::Status Planner::Network(const oci::Resources& r) {
  if (r.network_class_id.value_or(0) != 0) {
    if (find_("net_cls") != ControllerPlace::kV1) return Missing("net_cls", "network.classID");
    Add("net_cls", false, "net_cls.classid", absl::StrCat(*r.network_class_id), "network.classID");
  }
  for (const oci::InterfacePriority& p : r.network_priorities) {
    if (find_("net_prio") != ControllerPlace::kV1) return Missing("net_prio", "network.priorities");
    Add("net_prio", false, "net_prio.ifpriomap", absl::StrCat(p.name, " ", p.priority), "network.priorities");
  }
  return absl::OkStatus();
}

absl::Status Planner::Rdma(const std::map<std::string, oci::RdmaLimit>& rdma) {
  for (const auto& [name, limit] : rdma) {
    const ControllerPlace place = find_("rdma");
    if (place == ControllerPlace::kNone) return Missing("rdma", "rdma limits");
    std::string value = name;
    if (limit.hca_handles.has_value()) absl::StrAppend(&value, " hca_handle=", *limit.hca_handles);
    if (limit.hca_objects.has_value()) absl::StrAppend(&value, " hca_object=", *limit.hca_objects);
    Add("rdma", place == ControllerPlace::kV2, "rdma.max", std::move(value), "rdma limits");
  }
  return absl::OkStatus();
}

absl::Status Planner::Unified(const std::map<std::string, std::string>& keys) {
  for (const auto& [key, value] : keys) {
    const size_t dot = key.find('.');
    if (dot == std::string::npos || dot == 0 || absl::StrContains(key, '/') || absl::StrContains(key, '\0')) {
      return absl::InvalidArgumentError(absl::StrCat("unified key '", key, "': not a cgroup v2 file name"));
    }
    const std::string controller = key.substr(0, dot);
    const std::string option = absl::StrCat("--cgroup-conf ", key);
    if (find_(controller) != ControllerPlace::kV2) return Missing(controller, option);
    Add(controller, true, key, value, option);
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t CpuWeightOfShares(uint64_t shares) {
  shares = std::clamp<uint64_t>(shares, 2, kMaxCpuShares);
  return 1 + ((shares - 2) * 9999) / 262142;
}

uint64_t IoWeightOfBlkioWeight(uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

absl::StatusOr<std::vector<CgroupWrite>> PlanCgroup(const oci::Resources& resources,
                                                    const FindController& find,
                                                    const CurrentLimits& current) {
  Planner planner(find, current);
  if (resources.memory.has_value()) RETURN_IF_ERROR(planner.Memory(*resources.memory));
  if (resources.cpu.has_value()) {
    RETURN_IF_ERROR(planner.Cpu(*resources.cpu));
    RETURN_IF_ERROR(planner.Cpuset(*resources.cpu));
  }
  if (resources.pids_limit.has_value()) RETURN_IF_ERROR(planner.Pids(*resources.pids_limit));
  if (resources.block_io.has_value()) RETURN_IF_ERROR(planner.BlockIo(*resources.block_io));
  RETURN_IF_ERROR(planner.Hugetlb(resources.hugepage_limits));
  RETURN_IF_ERROR(planner.Network(resources));
  RETURN_IF_ERROR(planner.Rdma(resources.rdma));
  RETURN_IF_ERROR(planner.Unified(resources.unified));
  return planner.Take();
}

}  // namespace coracle::runtime
