// The mounts of a container: the file systems every container has, the files made for it, and the user's own.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/spec_builder.h"

namespace coracle::engine {
namespace {

using store::ContainerConfig;

constexpr uint64_t kDefaultShmBytes = 64 << 20;

bool JoinsOrHost(const SpecInput& input, const std::string& mode, const char* type) {
  return mode == "host" || input.joined.count(type) != 0;
}

oci::Mount DevPts(const SpecInput& input) {
  oci::Mount mount{"/dev/pts", "devpts",
                   "devpts",   {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"},
                   {},         {}};
  // Group 5 (tty) exists only where more than one id is mapped.
  if (input.host.mapped_gids > 5) mount.options.push_back("gid=5");
  return mount;
}

oci::Mount Sys(const SpecInput& input) {
  const ContainerConfig& config = input.record->config();
  const std::string access = config.privileged() ? "rw" : "ro";
  // In a user namespace the kernel gives a fresh sysfs only to the owner of the network namespace.
  if (input.host.user_namespace && JoinsOrHost(input, config.network_mode(), "network")) {
    return {"/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "rslave", access}, {}, {}};
  }
  return {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}, {}, {}};
}

oci::Mount Shm(const SpecInput& input) {
  const ContainerConfig& config = input.record->config();
  if (config.ipc_mode() == "host") {
    return {"/dev/shm", "bind", "/dev/shm", {"rbind", "nosuid", "noexec", "nodev", "rw"}, {}, {}};
  }
  const uint64_t bytes = config.shm_size_bytes() == 0 ? kDefaultShmBytes : config.shm_size_bytes();
  return {"/dev/shm", "tmpfs",
          "shm",      {"nosuid", "noexec", "nodev", "mode=1777", absl::StrCat("size=", bytes)},
          {},         {}};
}

void AddSystemMounts(const SpecInput& input, std::vector<oci::Mount>& mounts) {
  const ContainerConfig& config = input.record->config();
  oci::Mount proc{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}, {}, {}};
  if (config.pid_mode() == "host" && input.host.user_namespace) {
    proc = {"/proc", "bind", "/proc", {"rbind", "nosuid", "noexec", "nodev"}, {}, {}};
  }
  if (!config.proc_opts().empty()) proc.options.push_back(config.proc_opts());
  mounts.push_back(proc);
  mounts.push_back(
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "noexec", "strictatime", "mode=755", "size=65536k"}, {}, {}});
  mounts.push_back(DevPts(input));
  if (config.ipc_mode() != "none") mounts.push_back(Shm(input));
  if (config.ipc_mode() != "host") {
    mounts.push_back({"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}, {}, {}});
  } else {
    mounts.push_back({"/dev/mqueue", "bind", "/dev/mqueue", {"rbind", "nosuid", "noexec", "nodev"}, {}, {}});
  }
  mounts.push_back(Sys(input));
  if (!(input.host.user_namespace && config.cgroupns_mode() == "host")) {
    mounts.push_back(
        {"/sys/fs/cgroup",
         "cgroup",
         "cgroup",
         {"rprivate", "nosuid", "noexec", "nodev", "relatime", config.privileged() ? "rw" : "ro"},
         {},
         {}});
  }
}

// Files made for the container, unless the user mounts something there.
void AddMadeFiles(const SpecInput& input, std::vector<oci::Mount>& mounts) {
  const auto bind = [&mounts](const std::string& source, const char* destination, const char* access) {
    if (source.empty()) return;
    mounts.push_back({destination, "bind", source, {"bind", "rprivate", "nosuid", "nodev", access}, {}, {}});
  };
  bind(input.hosts_file, "/etc/hosts", "rw");
  bind(input.hostname_file, "/etc/hostname", "rw");
  bind(input.resolv_file, "/etc/resolv.conf", "rw");
  bind(input.containerenv_file, "/run/.containerenv", "ro");
  if (input.record->config().init()) {
    mounts.push_back(
        {"/run/coracle-init", "bind", input.init_program, {"bind", "ro", "nosuid", "nodev"}, {}, {}});
  }
}

void AddReadOnlyTmpfs(const ContainerConfig& config, std::vector<oci::Mount>& mounts) {
  if (!config.read_only() || !config.read_only_tmpfs()) return;
  for (const char* path : {"/tmp", "/var/tmp", "/run"}) {
    mounts.push_back({path, "tmpfs", "tmpfs", {"rw", "rprivate", "nosuid", "nodev", "tmpcopyup"}, {}, {}});
  }
}

// A shared or slave mount needs a root that lets it through.
void Propagate(const std::string& option, std::string& root) {
  if (option == "shared" || option == "rshared") root = "shared";
  if ((option == "slave" || option == "rslave") && root.empty()) root = "rslave";
}

// Parents before children; the order given otherwise.
void SortByDepth(std::vector<oci::Mount>& mounts) {
  const auto depth = [](const oci::Mount& m) {
    return std::count(m.destination.begin(), m.destination.end(), '/');
  };
  std::stable_sort(mounts.begin(), mounts.end(),
                   [&](const oci::Mount& a, const oci::Mount& b) { return depth(a) < depth(b); });
}

}  // namespace

absl::Status AddMounts(const SpecInput& input, oci::Spec& spec) {
  const ContainerConfig& config = input.record->config();
  std::vector<oci::Mount> mounts;
  AddSystemMounts(input, mounts);
  AddReadOnlyTmpfs(config, mounts);
  AddMadeFiles(input, mounts);
  const std::vector<oci::Mount>& own = input.user_mounts;
  // The user's mount replaces one of ours at the same place.
  mounts.erase(std::remove_if(mounts.begin(), mounts.end(),
                              [&own](const oci::Mount& m) {
                                return std::any_of(own.begin(), own.end(), [&m](const oci::Mount& o) {
                                  return o.destination == m.destination;
                                });
                              }),
               mounts.end());
  mounts.insert(mounts.end(), own.begin(), own.end());
  SortByDepth(mounts);
  for (const oci::Mount& mount : own) {
    for (const std::string& option : mount.options) Propagate(option, spec.linux_config.rootfs_propagation);
  }
  spec.mounts = std::move(mounts);
  return absl::OkStatus();
}

}  // namespace coracle::engine
