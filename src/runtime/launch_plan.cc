#include "runtime/launch_plan.h"

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace coracle::runtime {
namespace {

struct NamespaceName {
  const char* type;
  uint64_t flag;
};
constexpr NamespaceName kNamespaces[] = {
    {"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID},   {"network", CLONE_NEWNET},   {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS},   {"time", CLONE_NEWTIME}, {"cgroup", CLONE_NEWCGROUP}, {"mount", CLONE_NEWNS},
};

// What may be mounted over files of the container's proc: each shows less or other numbers, none carries
// authority (runc, checkProcMount).
constexpr const char* kAllowedInsideProc[] = {
    "proc/cpuinfo",
    "proc/diskstats",
    "proc/meminfo",
    "proc/stat",
    "proc/swaps",
    "proc/uptime",
    "proc/loadavg",
    "proc/slabinfo",
    "proc/net/dev",
    "proc/sys/kernel/ns_last_pid",
    "proc/sys/crypto/fips_enabled",
};

absl::Status Invalid(absl::string_view text) { return absl::InvalidArgumentError(text); }

std::vector<os::IdRange> Ranges(const std::vector<oci::IdMapping>& mappings) {
  std::vector<os::IdRange> ranges;
  for (const oci::IdMapping& mapping : mappings) {
    ranges.push_back({.inside = mapping.container_id, .outside = mapping.host_id, .count = mapping.size});
  }
  return ranges;
}

absl::Status PlanNamespaces(const oci::Linux& config, LaunchPlan& plan) {
  uint64_t seen = 0;
  for (const oci::Namespace& entry : config.namespaces) {
    const uint64_t flag = NamespaceFlag(entry.type);
    if (flag == 0) return Invalid(absl::StrCat("linux.namespaces: unknown type '", entry.type, "'"));
    if ((seen & flag) != 0) return Invalid(absl::StrCat("linux.namespaces: '", entry.type, "' twice"));
    seen |= flag;
    if (entry.path.empty()) {
      plan.new_namespaces |= flag;
      continue;
    }
    if (!absl::StartsWith(entry.path, "/") || absl::StrContains(entry.path, '\0')) {
      return Invalid(absl::StrCat("linux.namespaces: path of '", entry.type, "' is not absolute"));
    }
    const auto* name = std::find_if(std::begin(kNamespaces), std::end(kNamespaces),
                                    [&](const NamespaceName& known) { return known.flag == flag; });
    plan.joined.push_back({.flag = flag, .path = entry.path, .name = name->type});
  }
  // In the order of the table: user first where it gives the privilege for the rest, mount last since it
  // moves the root.
  const auto rank = [](uint64_t flag) {
    const auto* found = std::find_if(std::begin(kNamespaces), std::end(kNamespaces),
                                     [&](const NamespaceName& known) { return known.flag == flag; });
    return found - std::begin(kNamespaces);
  };
  std::sort(plan.joined.begin(), plan.joined.end(),
            [&](const JoinedNamespace& a, const JoinedNamespace& b) { return rank(a.flag) < rank(b.flag); });
  plan.joins_user = !plan.joined.empty() && plan.joined[0].flag == CLONE_NEWUSER;
  plan.new_mounts = plan.IsNew(CLONE_NEWNS);
  if (plan.IsNew(CLONE_NEWUSER)) {
    if (config.uid_mappings.empty() || config.gid_mappings.empty()) {
      return Invalid("linux.uidMappings and gidMappings are needed for a new user namespace");
    }
    plan.uid_map = Ranges(config.uid_mappings);
    plan.gid_map = Ranges(config.gid_mappings);
  }
  return absl::OkStatus();
}

absl::Status PlanTimeOffsets(const oci::Linux& config, LaunchPlan& plan) {
  for (const auto& [clock, offset] : config.time_offsets) {
    if (clock != "monotonic" && clock != "boottime") {
      return Invalid(absl::StrCat("linux.timeOffsets: unknown clock '", clock, "'"));
    }
    if (!plan.IsNew(CLONE_NEWTIME)) return Invalid("linux.timeOffsets needs a new time namespace");
    absl::StrAppend(&plan.time_offsets, clock, " ", offset.secs, " ", offset.nanosecs, "\n");
  }
  return absl::OkStatus();
}

absl::Status PlanPropagation(const oci::Linux& config, LaunchPlan& plan) {
  const std::string& wish = config.rootfs_propagation;
  plan.propagation = MS_SLAVE | MS_REC;
  if (wish.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const MountOptions options, ParseMountOptions({wish}));
  if (options.propagation.size() != 1) {
    return Invalid(absl::StrCat("linux.rootfsPropagation: '", wish, "' is not valid"));
  }
  plan.root_propagation = options.propagation[0];
  if ((plan.root_propagation & MS_PRIVATE) != 0) plan.propagation = MS_PRIVATE | MS_REC;
  if ((plan.root_propagation & MS_SHARED) != 0) plan.propagation = MS_SHARED;
  return absl::OkStatus();
}

absl::Status CheckIdmap(const oci::Mount& mount, PlannedMount& planned) {
  planned.uid_map = Ranges(mount.uid_mappings);
  planned.gid_map = Ranges(mount.gid_mappings);
  if (planned.uid_map.empty() != planned.gid_map.empty()) {
    return Invalid("uidMappings and gidMappings come together");
  }
  if (!planned.uid_map.empty() && planned.options.idmap == IdmapMode::kNone) {
    planned.options.idmap = IdmapMode::kMount;
  }
  if (planned.options.idmap != IdmapMode::kNone && planned.kind != PlannedMount::Kind::kBind) {
    return Invalid("only bind mounts can be id-mapped");
  }
  return absl::OkStatus();
}

absl::StatusOr<PlannedMount> PlanMount(const oci::Mount& mount) {
  PlannedMount planned;
  planned.destination = mount.destination;
  if (mount.destination.empty()) return Invalid("no destination");
  ASSIGN_OR_RETURN(planned.target, os::RootedPath::Parse(mount.destination));
  ASSIGN_OR_RETURN(planned.options, ParseMountOptions(mount.options));
  planned.type = mount.type;
  planned.source = mount.source;
  if (absl::StrContains(mount.source, '\0') || absl::StrContains(mount.type, '\0'))
    return Invalid("a NUL byte");
  if (planned.options.remount) {
    planned.kind = PlannedMount::Kind::kRemount;
  } else if (planned.options.bind || mount.type == "bind" || mount.type == "rbind") {
    planned.kind = PlannedMount::Kind::kBind;
    planned.options.recursive_bind |= mount.type == "rbind";
    if (mount.source.empty()) return Invalid("a bind mount without a source");
  } else if (mount.type == "cgroup" || mount.type == "cgroup2") {
    planned.kind = PlannedMount::Kind::kCgroup;
  } else if (mount.type.empty()) {
    return Invalid("no type");
  }
  planned.refuse_links = mount.type == "proc" || mount.type == "sysfs" || mount.type == "cgroup";
  if (planned.target.is_root() && planned.kind != PlannedMount::Kind::kRemount) {
    return Invalid("the root itself can't be a destination");
  }
  for (const char* allowed : kAllowedInsideProc)
    planned.allowed_inside_proc |= planned.target.IsBelow(allowed);
  planned.allowed_inside_proc |= planned.target.Display() == "/proc";
  planned.in_dev = absl::StartsWith(mount.destination, "/dev/") &&
                   planned.target.Display() == mount.destination &&
                   mount.destination.find('/', 5) == std::string::npos;
  RETURN_IF_ERROR(CheckIdmap(mount, planned));
  return planned;
}

absl::Status PlanMounts(const oci::Spec& spec, LaunchPlan& plan) {
  plan.make_devices = plan.new_mounts;
  for (const oci::Mount& mount : spec.mounts) {
    ASSIGN_OR_RETURN(PlannedMount planned, PlanMount(mount), "mount ", mount.destination);
    // A /dev bound from the host is as it is.
    if (planned.kind == PlannedMount::Kind::kBind && planned.target.Display() == "/dev")
      plan.make_devices = false;
    // A container of this one's own user namespace id map, where none is given.
    if (planned.options.idmap != IdmapMode::kNone && planned.uid_map.empty()) {
      planned.uid_map = plan.uid_map;
      planned.gid_map = plan.gid_map;
      if (planned.uid_map.empty())
        return Invalid(absl::StrCat("mount ", mount.destination, ": idmap without mappings"));
    }
    plan.mounts.push_back(std::move(planned));
  }
  if (!plan.new_mounts && !plan.mounts.empty() && !plan.joined.empty() &&
      plan.joined.back().flag == CLONE_NEWNS) {
    plan.mounts.clear();  // a joined mount namespace is used as it is
  }
  if (!plan.new_mounts && !plan.mounts.empty())
    return Invalid("mounts need a mount namespace of the container's own");
  return absl::OkStatus();
}

absl::StatusOr<PlannedDevice> PlanDevice(absl::string_view path, absl::string_view type, int64_t major,
                                         int64_t minor, mode_t permissions) {
  PlannedDevice device;
  ASSIGN_OR_RETURN(device.path, os::RootedPath::Parse(path));
  device.host_path = device.path.Display();
  if (device.path.is_root()) return Invalid("linux.devices: no path");
  if (device.path.IsBelow("dev")) device.name = device.host_path.substr(5);
  if (type == "c" || type == "u") {
    device.mode = S_IFCHR;
  } else if (type == "b") {
    device.mode = S_IFBLK;
  } else if (type == "p") {
    device.mode = S_IFIFO;
  } else {
    return Invalid(absl::StrCat("linux.devices: ", device.host_path, ": unknown type '", type, "'"));
  }
  device.mode |= permissions & 07777;
  device.device = makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
  return device;
}

absl::Status PlanDevices(const oci::Linux& config, LaunchPlan& plan) {
  if (!plan.make_devices) return absl::OkStatus();
  // runtime-spec config-linux.md, "Default Devices".
  constexpr struct {
    const char* path;
    int major, minor;
  } kDefaults[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
                   {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
  std::set<std::string> given;
  for (const oci::Device& entry : config.devices) {
    if (entry.type != "p" && (!entry.major.has_value() || !entry.minor.has_value())) {
      return Invalid(absl::StrCat("linux.devices: ", entry.path, ": no device number"));
    }
    ASSIGN_OR_RETURN(PlannedDevice device,
                     PlanDevice(entry.path, entry.type, entry.major.value_or(0), entry.minor.value_or(0),
                                entry.file_mode.value_or(0666)));
    device.uid = entry.uid.value_or(0);
    device.gid = entry.gid.value_or(0);
    given.insert(device.host_path);
    plan.devices.push_back(std::move(device));
  }
  for (const auto& entry : kDefaults) {
    if (given.count(entry.path) != 0) continue;
    ASSIGN_OR_RETURN(PlannedDevice device, PlanDevice(entry.path, "c", entry.major, entry.minor, 0666));
    plan.devices.push_back(std::move(device));
  }
  return absl::OkStatus();
}

// The namespace that a sysctl belongs to, or 0 if it is the whole machine's.
uint64_t NamespaceOfSysctl(absl::string_view path) {
  if (absl::StartsWith(path, "net/")) return CLONE_NEWNET;
  if (absl::StartsWith(path, "fs/mqueue/")) return CLONE_NEWIPC;
  constexpr const char* kIpc[] = {"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                  "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                  "kernel/shmmni", "kernel/shm_rmid_forced"};
  for (const char* name : kIpc) {
    if (path == name) return CLONE_NEWIPC;
  }
  if (path == "kernel/domainname" || path == "kernel/hostname") return CLONE_NEWUTS;
  return 0;
}

absl::Status PlanSysctls(const oci::Linux& config, LaunchPlan& plan) {
  uint64_t own = plan.new_namespaces;
  for (const JoinedNamespace& joined : plan.joined) own |= joined.flag;
  for (const auto& [name, value] : config.sysctl) {
    std::string path = name;
    // sysctl(8): the first separator decides; then '.' and '/' change roles
    // ("net.ipv4.conf.eth0/1.forwarding").
    const size_t first = path.find_first_of("./");
    if (first != std::string::npos && path[first] == '.') {
      for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
    }
    if (absl::StrContains(path, "..") || absl::StrContains(path, '\0') || absl::StrContains(value, '\0')) {
      return Invalid(absl::StrCat("linux.sysctl: '", name, "' is not valid"));
    }
    const uint64_t needed = NamespaceOfSysctl(path);
    if (needed == 0) {
      return Invalid(
          absl::StrCat("sysctl ", name, ": is not of a namespace: it would change the whole host"));
    }
    if ((own & needed) == 0) {
      const char* which = needed == CLONE_NEWNET ? "network" : needed == CLONE_NEWIPC ? "ipc" : "uts";
      return absl::FailedPreconditionError(
          absl::StrCat("sysctl ", name, ": the container shares the host's ", which, " namespace"));
    }
    plan.sysctls.push_back({.path = path, .value = value});
  }
  return absl::OkStatus();
}

absl::Status PlanPaths(const oci::Linux& config, LaunchPlan& plan) {
  if (!plan.new_mounts) return absl::OkStatus();
  for (const std::string& path : config.masked_paths) {
    ASSIGN_OR_RETURN(os::RootedPath rooted, os::RootedPath::Parse(path), "linux.maskedPaths");
    plan.masked.push_back(std::move(rooted));
  }
  for (const std::string& path : config.readonly_paths) {
    ASSIGN_OR_RETURN(os::RootedPath rooted, os::RootedPath::Parse(path), "linux.readonlyPaths");
    plan.read_only.push_back(std::move(rooted));
  }
  return absl::OkStatus();
}

absl::Status PlanNames(const oci::Spec& spec, LaunchPlan& plan) {
  uint64_t own = plan.new_namespaces;
  for (const JoinedNamespace& joined : plan.joined) own |= joined.flag;
  if ((!spec.hostname.empty() || !spec.domainname.empty()) && (own & CLONE_NEWUTS) == 0) {
    return Invalid("hostname: needs a uts namespace of the container's own");
  }
  if (spec.hostname.size() > 64 || spec.domainname.size() > 64)
    return Invalid("hostname: longer than 64 bytes");
  plan.hostname = spec.hostname;
  plan.domainname = spec.domainname;
  return absl::OkStatus();
}

absl::StatusOr<LaunchPlan> Plan(const oci::Spec& spec, const std::string& bundle) {
  LaunchPlan plan;
  if (!spec.process.has_value()) return Invalid("process: missing");
  const oci::Linux& config = spec.linux_config;
  if (config.intel_rdt.has_value()) return absl::UnimplementedError("linux.intelRdt is not supported");
  if (spec.root.has_value()) {
    const std::string& path = spec.root->path;
    if (absl::StrContains(path, '\0')) return Invalid("root.path: a NUL byte");
    plan.root_path = absl::StartsWith(path, "/") ? path : absl::StrCat(bundle, "/", path);
    plan.root_read_only = spec.root->readonly;
  }
  RETURN_IF_ERROR(PlanNamespaces(config, plan));
  RETURN_IF_ERROR(PlanTimeOffsets(config, plan));
  RETURN_IF_ERROR(PlanPropagation(config, plan));
  RETURN_IF_ERROR(PlanMounts(spec, plan));
  RETURN_IF_ERROR(PlanDevices(config, plan));
  RETURN_IF_ERROR(PlanPaths(config, plan));
  RETURN_IF_ERROR(PlanSysctls(config, plan));
  RETURN_IF_ERROR(PlanNames(spec, plan));
  ASSIGN_OR_RETURN(plan.process, PlanProcess(*spec.process, config));
  return plan;
}

}  // namespace

uint64_t NamespaceFlag(absl::string_view type) {
  for (const NamespaceName& entry : kNamespaces) {
    if (type == entry.type) return entry.flag;
  }
  return 0;
}

bool LaunchPlan::NeedsStage() const {
  return joins_user || IsNew(CLONE_NEWTIME) || (IsNew(CLONE_NEWUSER) && !joined.empty());
}

absl::StatusOr<LaunchPlan> PlanLaunch(const oci::Spec& spec, const std::string& bundle) {
  auto plan = Plan(spec, bundle);
  if (!plan.ok() && !ExitCodeOf(plan.status()).has_value()) return WithExitCode(plan.status(), 125);
  return plan;
}

}  // namespace coracle::runtime
