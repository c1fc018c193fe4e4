// The members of config.json's `linux`, except resources and seccomp. For runtime_spec.cc only.
// Source: runtime-spec config-linux.md; schema/config-linux.json.
#ifndef CORACLE_OCI_RUNTIME_SPEC_LINUX_H_
#define CORACLE_OCI_RUNTIME_SPEC_LINUX_H_

#include "oci/runtime_spec.h"
#include "oci/runtime_spec_resources.h"
#include "oci/runtime_spec_seccomp.h"

namespace coracle::oci {

template <typename Codec>
void Members(Codec& codec, IdMapping& mapping) {
  codec.Required("containerID", mapping.container_id);
  codec.Required("hostID", mapping.host_id);
  codec.Required("size", mapping.size);
}

template <typename Codec>
void Members(Codec& codec, Namespace& ns) {
  codec.Required("type", ns.type);
  codec.OneOf("type", ns.type, {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"});
  codec.Member("path", ns.path);
  codec.Check(ns.path.empty() || ns.path[0] == '/', "path", "not an absolute path");
}

template <typename Codec>
void Members(Codec& codec, Device& device) {
  codec.Required("type", device.type);
  codec.OneOf("type", device.type, {"c", "b", "u", "p"});
  codec.Required("path", device.path);
  codec.Check(!device.path.empty() && device.path[0] == '/', "path", "not an absolute path");
  codec.Member("major", device.major);
  codec.Member("minor", device.minor);
  codec.Check(device.type == "p" || (device.major.has_value() && device.minor.has_value()), "major",
              "major and minor are required unless the type is p");
  codec.Member("fileMode", device.file_mode);
  // Engines pass st_mode as it is; the type of the file is said by `type`.
  if (Codec::kReading && device.file_mode.has_value()) *device.file_mode &= 07777;
  codec.Member("uid", device.uid);
  codec.Member("gid", device.gid);
}

template <typename Codec>
void Members(Codec& codec, TimeOffset& offset) {
  codec.Member("secs", offset.secs);
  codec.Member("nanosecs", offset.nanosecs);
  codec.Check(offset.nanosecs < 1000000000, "nanosecs", "not a number from 0 to 999999999");
}

template <typename Codec>
void Members(Codec& codec, IntelRdt& rdt) {
  codec.Member("closID", rdt.clos_id);
  codec.Member("schemata", rdt.schemata);
  codec.Member("l3CacheSchema", rdt.l3_cache_schema);
  codec.Member("memBwSchema", rdt.mem_bw_schema);
  codec.Member("enableMonitoring", rdt.enable_monitoring);
}

template <typename Codec>
void Members(Codec& codec, NetDevice& device) {
  codec.Member("name", device.name);
}

template <typename Codec>
void Members(Codec& codec, MemoryPolicy& policy) {
  codec.Required("mode", policy.mode);
  codec.OneOf("mode", policy.mode,
              {"MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED",
               "MPOL_PREFERRED_MANY", "MPOL_LOCAL"});
  codec.Member("nodes", policy.nodes);
  codec.Member("flags", policy.flags);
  for (const std::string& flag : policy.flags) {
    codec.OneOf("flags", flag, {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"});
  }
}

template <typename Codec>
void CheckNamespacesOnce(Codec& codec, const std::vector<Namespace>& namespaces) {
  for (size_t i = 0; Codec::kReading && i < namespaces.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (namespaces[i].type == namespaces[j].type) {
        return codec.Check(false, "namespaces", "the type " + namespaces[i].type + " twice");
      }
    }
  }
}

template <typename Codec>
void Members(Codec& codec, Linux& config) {
  codec.Member("uidMappings", config.uid_mappings);
  codec.Member("gidMappings", config.gid_mappings);
  codec.Member("sysctl", config.sysctl);
  codec.Member("resources", config.resources);
  codec.Member("cgroupsPath", config.cgroups_path);
  codec.Member("namespaces", config.namespaces);
  CheckNamespacesOnce(codec, config.namespaces);
  codec.Member("devices", config.devices);
  codec.Member("seccomp", config.seccomp);
  codec.Member("rootfsPropagation", config.rootfs_propagation);
  // The recursive forms are not in the schema, but what engines write.
  codec.OneOf(
      "rootfsPropagation", config.rootfs_propagation,
      {"", "private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave", "runbindable"});
  codec.Member("maskedPaths", config.masked_paths);
  codec.Member("readonlyPaths", config.readonly_paths);
  codec.Member("mountLabel", config.mount_label);
  codec.Member("intelRdt", config.intel_rdt);
  codec.Member("netDevices", config.net_devices);
  codec.Member("memoryPolicy", config.memory_policy);
  codec.Nested("personality", [&](Codec& nested) {
    nested.Member("domain", config.personality_domain);
    nested.OneOf("domain", config.personality_domain, {"", "LINUX", "LINUX32"});
    nested.Member("flags", config.personality_flags);
  });
  codec.Member("timeOffsets", config.time_offsets);
  for (const auto& [clock, offset] : config.time_offsets) {
    codec.OneOf("timeOffsets", clock, {"monotonic", "boottime"});
  }
}

}  // namespace coracle::oci

#endif  // CORACLE_OCI_RUNTIME_SPEC_LINUX_H_
