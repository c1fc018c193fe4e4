// The OCI runtime configuration (config.json) as plain values. Pure: bytes in, values out.
//
// Field names follow the runtime-spec in snake_case; a std::optional is a member that may be absent where
// absent and zero differ. Unknown members are kept out (the spec says to ignore them). Source: runtime-spec
// config.md, config-linux.md.
#ifndef CORACLE_OCI_RUNTIME_SPEC_H_
#define CORACLE_OCI_RUNTIME_SPEC_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::oci {

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::optional<uint32_t> umask;
  std::vector<uint32_t> additional_gids;
};

struct ConsoleSize {
  uint16_t height = 0;
  uint16_t width = 0;
};

// Capability names as in capabilities(7), "CAP_CHOWN".
struct Capabilities {
  std::vector<std::string> bounding, effective, inheritable, permitted, ambient;
};

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE"
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct Scheduler {
  std::string policy;  // "SCHED_OTHER" ...
  int32_t nice = 0;
  int32_t priority = 0;
  std::vector<std::string> flags;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

struct IoPriority {
  std::string io_class;  // "IOPRIO_CLASS_BE" ...
  int32_t priority = 0;
};

struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<int32_t> oom_score_adj;
  std::optional<Scheduler> scheduler;
  std::optional<IoPriority> io_priority;
  std::string exec_cpu_affinity_initial, exec_cpu_affinity_final;
};

struct IdMapping {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t size = 0;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings, gid_mappings;
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<int32_t> timeout_seconds;
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct Namespace {
  std::string type;  // pid, network, mount, ipc, uts, user, cgroup, time
  std::string path;  // empty: a new one
};

struct Device {
  std::string type;  // c, b, u, p
  std::string path;
  std::optional<int64_t> major, minor;
  std::optional<uint32_t> file_mode, uid, gid;
};

struct DeviceCgroupRule {
  bool allow = false;
  std::string type = "a";               // a, c, b
  std::optional<int64_t> major, minor;  // absent: any
  std::string access;                   // of r, w, m
};

struct MemoryResources {
  std::optional<int64_t> limit, reservation, swap, kernel, kernel_tcp;  // bytes; -1: unlimited
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
};

struct CpuResources {
  std::optional<uint64_t> shares, period, realtime_period;  // microseconds where a time
  std::optional<uint64_t> burst;
  std::optional<int64_t> quota, realtime_runtime, idle;
  std::string cpus, mems;
};

struct BlockIoDevice {
  int64_t major = 0, minor = 0;
  std::optional<uint16_t> weight, leaf_weight;
  uint64_t rate = 0;  // bytes or operations a second, in the throttle lists
};

struct BlockIoResources {
  std::optional<uint16_t> weight, leaf_weight;
  std::vector<BlockIoDevice> weight_device, throttle_read_bps, throttle_write_bps, throttle_read_iops,
      throttle_write_iops;
};

struct HugepageLimit {
  std::string page_size;  // "2MB"
  uint64_t limit = 0;
};

struct InterfacePriority {
  std::string name;
  uint32_t priority = 0;
};

struct RdmaLimit {
  std::optional<uint32_t> hca_handles, hca_objects;
};

struct Resources {
  std::vector<DeviceCgroupRule> devices;
  std::optional<MemoryResources> memory;
  std::optional<CpuResources> cpu;
  std::optional<int64_t> pids_limit;
  std::optional<BlockIoResources> block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<uint32_t> network_class_id;
  std::vector<InterfacePriority> network_priorities;
  std::map<std::string, RdmaLimit> rdma;
  std::map<std::string, std::string> unified;
};

struct SeccompArg {
  uint32_t index = 0;
  uint64_t value = 0;
  uint64_t value_two = 0;
  std::string op;  // "SCMP_CMP_EQ" ...
};

struct SeccompSyscall {
  std::vector<std::string> names;
  std::string action;
  std::optional<uint32_t> errno_ret;
  std::vector<SeccompArg> args;
};

struct Seccomp {
  std::string default_action;
  std::optional<uint32_t> default_errno_ret;
  std::vector<std::string> architectures;
  std::vector<std::string> flags;
  std::string listener_path, listener_metadata;
  std::vector<SeccompSyscall> syscalls;
};

struct TimeOffset {
  int64_t secs = 0;
  uint32_t nanosecs = 0;
};

struct IntelRdt {
  std::string clos_id, l3_cache_schema, mem_bw_schema;
  std::vector<std::string> schemata;
  bool enable_monitoring = false;
};

// runtime-spec 1.3: a host's network device that moves into the container, under a new name unless empty.
struct NetDevice {
  std::string name;
};

// runtime-spec 1.3: set_mempolicy(2).
struct MemoryPolicy {
  std::string mode;   // "MPOL_BIND" ...
  std::string nodes;  // "0-3,7"
  std::vector<std::string> flags;
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;  // "monotonic", "boottime"
  std::vector<Device> devices;
  std::string cgroups_path;
  std::optional<Resources> resources;
  std::optional<IntelRdt> intel_rdt;
  std::map<std::string, NetDevice> net_devices;  // by their names on the host
  std::optional<MemoryPolicy> memory_policy;
  std::map<std::string, std::string> sysctl;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;
  std::vector<std::string> masked_paths, readonly_paths;
  std::string mount_label;
  std::string personality_domain;
  std::vector<std::string> personality_flags;
};

struct Root {
  std::string path;
  bool readonly = false;
};

struct Spec {
  std::string oci_version = "1.2.0";
  std::optional<Root> root;
  std::optional<Process> process;
  std::string hostname, domainname;
  std::vector<Mount> mounts;
  Hooks hooks;
  std::map<std::string, std::string> annotations;
  Linux linux_config;
};

// Limits of a config.json: bytes, and entries in any one list.
inline constexpr size_t kMaxSpecBytes = 16 << 20;
inline constexpr size_t kMaxSpecListEntries = 65536;

// Errors: InvalidArgument naming the member ("process.user.uid: not a number from 0 to 4294967295").
absl::StatusOr<Spec> ParseSpec(absl::string_view json);
// Parses a lone `process` object (exec --process) or `linux.resources` object (update --resources).
absl::StatusOr<Process> ParseProcess(absl::string_view json);
absl::StatusOr<Resources> ParseResources(absl::string_view json);
// Compact JSON that ParseSpec reads back to the same value; absent members are left out.
std::string SerializeSpec(const Spec& spec);
std::string SerializeProcess(const Process& process);
std::string SerializeResources(const Resources& resources);
std::string SerializeSeccomp(const Seccomp& seccomp);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_RUNTIME_SPEC_H_
