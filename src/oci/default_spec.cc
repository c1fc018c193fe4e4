#include "oci/default_spec.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace coracle::oci {

std::vector<std::string> DefaultCapabilities() {
  return {"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
          "CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",   "CAP_SETGID",
          "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};
}

std::vector<std::string> DefaultMaskedPaths() {
  return {"/proc/acpi",
          "/proc/interrupts",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/sched_debug",
          "/proc/scsi",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/sys/dev/block",
          "/sys/devices/virtual/powercap",
          "/sys/firmware",
          "/sys/fs/selinux"};
}

std::vector<std::string> DefaultReadonlyPaths() {
  return {"/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

std::vector<Mount> DefaultMounts() {
  const auto mount = [](const char* destination, const char* type, const char* source,
                        std::vector<std::string> options) {
    Mount result;
    result.destination = destination;
    result.type = type;
    result.source = source;
    result.options = std::move(options);
    return result;
  };
  return {
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "noexec", "strictatime", "mode=755", "size=65536k"}),
      // gid=5 is `tty` in every distribution.
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}),
  };
}

Capabilities CapabilitySets(const std::vector<std::string>& names) {
  Capabilities sets;
  sets.bounding = names;
  sets.effective = names;
  sets.permitted = names;
  return sets;
}

Spec DefaultSpec() {
  Spec spec;
  Process& process = spec.process.emplace();
  process.env = {kDefaultPath};
  process.capabilities = CapabilitySets(DefaultCapabilities());
  spec.mounts = DefaultMounts();
  for (const char* type : {"pid", "network", "ipc", "uts", "mount", "cgroup"}) {
    spec.linux_config.namespaces.push_back({type, ""});
  }
  spec.linux_config.masked_paths = DefaultMaskedPaths();
  spec.linux_config.readonly_paths = DefaultReadonlyPaths();
  DeviceCgroupRule& deny_all = spec.linux_config.resources.emplace().devices.emplace_back();
  deny_all.access = "rwm";
  return spec;
}

Spec ExampleSpec() {
  Spec spec = DefaultSpec();
  spec.root = Root{"rootfs", /*readonly=*/true};
  spec.hostname = "coracle";
  spec.process->terminal = true;
  spec.process->args = {"sh"};
  spec.process->env.push_back("TERM=xterm");
  spec.process->no_new_privileges = true;
  return spec;
}

Spec RootlessExampleSpec(uint32_t uid, uint32_t gid) {
  Spec spec = ExampleSpec();
  std::vector<Namespace>& namespaces = spec.linux_config.namespaces;
  std::replace_if(
      namespaces.begin(), namespaces.end(), [](const Namespace& ns) { return ns.type == "network"; },
      Namespace{"user", ""});
  spec.linux_config.uid_mappings = {{/*container_id=*/0, uid, /*size=*/1}};
  spec.linux_config.gid_mappings = {{/*container_id=*/0, gid, /*size=*/1}};
  spec.linux_config.resources.reset();
  for (Mount& mount : spec.mounts) {
    if (mount.destination == "/sys") {
      // The kernel mounts sysfs only for the owner of the network namespace, which is the host's here.
      mount.type = "none";
      mount.source = "/sys";
      mount.options = {"rbind", "nosuid", "noexec", "nodev", "ro"};
    }
    const auto other_id = [](const std::string& option) {
      return absl::StartsWith(option, "gid=") || absl::StartsWith(option, "uid=");
    };
    mount.options.erase(std::remove_if(mount.options.begin(), mount.options.end(), other_id),
                        mount.options.end());
  }
  return spec;
}

}  // namespace coracle::oci
