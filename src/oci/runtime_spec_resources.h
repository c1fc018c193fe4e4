// The members of config.json's `linux.resources`. For runtime_spec.cc only.
// Source: runtime-spec config-linux.md, "Control groups"; schema/config-linux.json.
#ifndef CORACLE_OCI_RUNTIME_SPEC_RESOURCES_H_
#define CORACLE_OCI_RUNTIME_SPEC_RESOURCES_H_

#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"

namespace coracle::oci {

template <typename Codec>
void Members(Codec& codec, DeviceCgroupRule& rule) {
  codec.Required("allow", rule.allow);
  codec.Member("type", rule.type);
  codec.Member("major", rule.major);
  codec.Member("minor", rule.minor);
  codec.Member("access", rule.access);
  if constexpr (Codec::kReading) {
    // Engines write "any" as an empty type and as -1, too.
    if (rule.type.empty()) rule.type = "a";
    if (rule.major == -1) rule.major.reset();
    if (rule.minor == -1) rule.minor.reset();
  }
  codec.OneOf("type", rule.type, {"a", "b", "c"});
  codec.Check(!rule.major.has_value() || *rule.major >= 0, "major", "negative");
  codec.Check(!rule.minor.has_value() || *rule.minor >= 0, "minor", "negative");
  codec.Check(rule.access.find_first_not_of("rwm") == std::string::npos, "access", "not of r, w, m");
}

template <typename Codec>
void Members(Codec& codec, MemoryResources& memory) {
  codec.Member("limit", memory.limit);
  codec.Member("reservation", memory.reservation);
  codec.Member("swap", memory.swap);
  codec.Member("kernel", memory.kernel);
  codec.Member("kernelTCP", memory.kernel_tcp);
  codec.Member("swappiness", memory.swappiness);
  codec.Member("disableOOMKiller", memory.disable_oom_killer);
  codec.Member("useHierarchy", memory.use_hierarchy);
  codec.Member("checkBeforeUpdate", memory.check_before_update);
}

template <typename Codec>
void Members(Codec& codec, CpuResources& cpu) {
  codec.Member("shares", cpu.shares);
  codec.Member("quota", cpu.quota);
  codec.Member("burst", cpu.burst);
  codec.Member("period", cpu.period);
  codec.Member("realtimeRuntime", cpu.realtime_runtime);
  codec.Member("realtimePeriod", cpu.realtime_period);
  codec.Member("cpus", cpu.cpus);
  codec.Member("mems", cpu.mems);
  codec.Member("idle", cpu.idle);
}

template <typename Codec>
void Members(Codec& codec, BlockIoDevice& device) {
  codec.Required("major", device.major);
  codec.Required("minor", device.minor);
  codec.Member("weight", device.weight);
  codec.Member("leafWeight", device.leaf_weight);
  codec.Member("rate", device.rate);
}

template <typename Codec>
void Members(Codec& codec, BlockIoResources& io) {
  codec.Member("weight", io.weight);
  codec.Member("leafWeight", io.leaf_weight);
  codec.Member("weightDevice", io.weight_device);
  codec.Member("throttleReadBpsDevice", io.throttle_read_bps);
  codec.Member("throttleWriteBpsDevice", io.throttle_write_bps);
  codec.Member("throttleReadIOPSDevice", io.throttle_read_iops);
  codec.Member("throttleWriteIOPSDevice", io.throttle_write_iops);
}

// "^[1-9][0-9]*[KMG]B$". The name becomes part of a cgroup file's name, so nothing else may pass.
inline bool IsPageSize(absl::string_view size) {
  const size_t digits = size.find_first_not_of("0123456789");
  return digits != absl::string_view::npos && digits > 0 && digits <= 12 && size[0] != '0' &&
         size.size() == digits + 2 &&
         absl::string_view("KMG").find(size[digits]) != absl::string_view::npos && size[digits + 1] == 'B';
}

template <typename Codec>
void Members(Codec& codec, HugepageLimit& limit) {
  codec.Required("pageSize", limit.page_size);
  codec.Check(IsPageSize(limit.page_size), "pageSize", "not a page size such as 2MB or 1GB");
  codec.Required("limit", limit.limit);
}

template <typename Codec>
void Members(Codec& codec, InterfacePriority& priority) {
  codec.Required("name", priority.name);
  codec.Required("priority", priority.priority);
}

template <typename Codec>
void Members(Codec& codec, RdmaLimit& limit) {
  codec.Member("hcaHandles", limit.hca_handles);
  codec.Member("hcaObjects", limit.hca_objects);
}

template <typename Codec>
void Members(Codec& codec, Resources& resources) {
  codec.Member("devices", resources.devices);
  codec.Member("memory", resources.memory);
  codec.Member("cpu", resources.cpu);
  codec.Nested("pids", [&](Codec& nested) { nested.Member("limit", resources.pids_limit); });
  codec.Member("blockIO", resources.block_io);
  codec.Member("hugepageLimits", resources.hugepage_limits);
  codec.Nested("network", [&](Codec& nested) {
    nested.Member("classID", resources.network_class_id);
    nested.Member("priorities", resources.network_priorities);
  });
  codec.Member("rdma", resources.rdma);
  codec.Member("unified", resources.unified);
  for (const auto& [file, value] : resources.unified) {
    // The key is the name of a file in the container's cgroup directory, never a path out of it.
    codec.Check(file.find('/') == std::string::npos && file != "." && file != "..", "unified",
                "a key that is not a file name");
  }
}

}  // namespace coracle::oci

#endif  // CORACLE_OCI_RUNTIME_SPEC_RESOURCES_H_
