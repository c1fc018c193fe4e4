#include "runtime/launch_plan.h"

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::runtime {
namespace {

oci::Spec MakeSpec() {
  oci::Spec spec;
  spec.root = oci::Root{.path = "rootfs"};
  spec.process = oci::Process{.args = {"sh"}};
  for (const char* type : {"mount", "pid", "network", "ipc", "uts"}) {
    spec.linux_config.namespaces.push_back({.type = type});
  }
  return spec;
}

LaunchPlan Planned(const oci::Spec& spec) {
  auto plan = PlanLaunch(spec, "/bundle");
  INFO(plan.status().message());
  REQUIRE(plan.ok());
  return *std::move(plan);
}

std::string Refused(const oci::Spec& spec) {
  auto plan = PlanLaunch(spec, "/bundle");
  CHECK_FALSE(plan.ok());
  if (plan.ok()) return "";
  CHECK(ExitCodeOf(plan.status()) == 125);
  return StatusLine(plan.status());
}

}  // namespace

TEST_SUITE("runtime/launch_plan") {
  TEST_CASE("new namespaces become flags and joined ones a sorted list") {
    oci::Spec spec = MakeSpec();
    spec.linux_config.namespaces[0].path = "/ns/mnt";
    spec.linux_config.namespaces[2].path = "/ns/net";
    spec.linux_config.namespaces.push_back({.type = "user", .path = "/ns/user"});
    const LaunchPlan plan = Planned(spec);
    CHECK(plan.new_namespaces == (CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS));
    REQUIRE(plan.joined.size() == 3);
    CHECK(plan.joined[0].flag == CLONE_NEWUSER);
    CHECK(plan.joined[2].flag == CLONE_NEWNS);
    CHECK(plan.joins_user);
    CHECK(plan.NeedsStage());
    CHECK_FALSE(plan.new_mounts);
  }

  TEST_CASE("an ordinary container needs no stage") { CHECK_FALSE(Planned(MakeSpec()).NeedsStage()); }

  TEST_CASE("namespaces that are unknown, twice or relative are refused") {
    oci::Spec spec = MakeSpec();
    spec.linux_config.namespaces.push_back({.type = "moon"});
    CHECK(Refused(spec) == "linux.namespaces: unknown type 'moon'");
    spec = MakeSpec();
    spec.linux_config.namespaces.push_back({.type = "pid"});
    CHECK(Refused(spec) == "linux.namespaces: 'pid' twice");
    spec = MakeSpec();
    spec.linux_config.namespaces[1].path = "ns/pid";
    CHECK(Refused(spec) == "linux.namespaces: path of 'pid' is not absolute");
    spec = MakeSpec();
    spec.linux_config.namespaces.push_back({.type = "user"});
    CHECK(Refused(spec) == "linux.uidMappings and gidMappings are needed for a new user namespace");
  }

  TEST_CASE("a relative root lies in the bundle") {
    CHECK(Planned(MakeSpec()).root_path == "/bundle/rootfs");
    oci::Spec spec = MakeSpec();
    spec.root->path = "/abs";
    CHECK(Planned(spec).root_path == "/abs");
  }

  TEST_CASE("mounts are sorted by what makes them") {
    oci::Spec spec = MakeSpec();
    spec.mounts = {{.destination = "/proc", .type = "proc"},
                   {.destination = "/a/../b/", .type = "none", .source = "/src", .options = {"rbind", "ro"}},
                   {.destination = "/sys/fs/cgroup", .type = "cgroup"},
                   {.destination = "/proc/uptime", .type = "bind", .source = "/x"}};
    const LaunchPlan plan = Planned(spec);
    REQUIRE(plan.mounts.size() == 4);
    CHECK(plan.mounts[0].kind == PlannedMount::Kind::kFileSystem);
    CHECK(plan.mounts[0].refuse_links);
    CHECK(plan.mounts[1].kind == PlannedMount::Kind::kBind);
    CHECK(plan.mounts[1].target.Display() == "/b");
    CHECK(plan.mounts[1].options.recursive_bind);
    CHECK_FALSE(plan.mounts[1].allowed_inside_proc);
    CHECK(plan.mounts[2].kind == PlannedMount::Kind::kCgroup);
    CHECK(plan.mounts[3].allowed_inside_proc);
    CHECK(plan.make_devices);
  }

  TEST_CASE("a bound /dev keeps its devices") {
    oci::Spec spec = MakeSpec();
    spec.mounts = {{.destination = "/dev", .type = "bind", .source = "/dev"}};
    const LaunchPlan plan = Planned(spec);
    CHECK_FALSE(plan.make_devices);
    CHECK(plan.devices.empty());
  }

  TEST_CASE("default devices come after the config's, which may replace them") {
    oci::Spec spec = MakeSpec();
    spec.linux_config.devices = {
        {.type = "c", .path = "/dev/null", .major = 1, .minor = 3, .file_mode = 0600},
        {.type = "b", .path = "/disk", .major = 8, .minor = 1},
        {.type = "p", .path = "/dev/fifo"}};
    const LaunchPlan plan = Planned(spec);
    CHECK(plan.devices.size() == 8);
    CHECK(plan.devices[0].mode == (S_IFCHR | 0600));
    CHECK(plan.devices[0].name == "null");
    CHECK(plan.devices[1].mode == (S_IFBLK | 0666));
    CHECK(plan.devices[1].device == makedev(8, 1));
    CHECK(plan.devices[1].name.empty());
    CHECK(plan.devices[2].mode == (S_IFIFO | 0666));
    spec.linux_config.devices = {{.type = "c", .path = "/dev/x"}};
    CHECK(Refused(spec) == "linux.devices: /dev/x: no device number");
  }

  TEST_CASE("sysctls belong to a namespace of the container's") {
    oci::Spec spec = MakeSpec();
    spec.linux_config.sysctl = {{"net.ipv4.conf.eth0/1.forwarding", "1"}, {"net/core/somaxconn", "2"}};
    const LaunchPlan plan = Planned(spec);
    CHECK(plan.sysctls[0].path == "net/ipv4/conf/eth0.1/forwarding");
    CHECK(plan.sysctls[1].path == "net/core/somaxconn");
    spec.linux_config.sysctl = {{"vm.swappiness", "1"}};
    CHECK(Refused(spec) == "sysctl vm.swappiness: is not of a namespace: it would change the whole host");
    spec.linux_config.sysctl = {{"net.x", "1"}};
    spec.linux_config.namespaces.erase(spec.linux_config.namespaces.begin() + 2);
    CHECK(Refused(spec) == "sysctl net.x: the container shares the host's network namespace");
    spec.linux_config.sysctl = {{"kernel/../vm/x", "1"}};
    CHECK(Refused(spec) == "linux.sysctl: 'kernel/../vm/x' is not valid");
  }

  TEST_CASE("propagation of the root") {
    oci::Spec spec = MakeSpec();
    CHECK(Planned(spec).propagation == (MS_SLAVE | MS_REC));
    CHECK(Planned(spec).root_propagation == 0);
    spec.linux_config.rootfs_propagation = "shared";
    CHECK(Planned(spec).root_propagation == MS_SHARED);
    spec.linux_config.rootfs_propagation = "sideways";
    CHECK(Refused(spec) == "linux.rootfsPropagation: 'sideways' is not valid");
  }

  TEST_CASE("the command is looked for in the container's own PATH, never in relative entries") {
    oci::Spec spec = MakeSpec();
    spec.process->env = {"PATH=/a:.::/b:c"};
    LaunchPlan plan = Planned(spec);
    CHECK(plan.process.candidates == std::vector<std::string>{"/a/sh", "/b/sh"});
    spec.process->env = {};
    CHECK(Planned(spec).process.candidates.size() == 6);
    spec.process->args = {"./run"};
    CHECK(Planned(spec).process.candidates == std::vector<std::string>{"./run"});
  }

  TEST_CASE("what a process may not be is refused by name") {
    oci::Spec spec = MakeSpec();
    spec.process->cwd = "rel";
    CHECK(Refused(spec) == "process.cwd: 'rel' is not valid");
    spec = MakeSpec();
    spec.process->args = {};
    CHECK(Refused(spec) == "process.args: no command");
    spec = MakeSpec();
    spec.process->rlimits = {{.type = "RLIMIT_MOON"}};
    CHECK(Refused(spec) == "process.rlimits.type: 'RLIMIT_MOON' is not valid");
    spec.process->rlimits = {{.type = "RLIMIT_NOFILE", .soft = 2, .hard = 1}};
    CHECK(Refused(spec) == "process.rlimits: RLIMIT_NOFILE: the soft limit 2 is above the hard limit 1");
    spec = MakeSpec();
    spec.process.reset();
    CHECK(Refused(spec) == "process: missing");
    spec = MakeSpec();
    spec.linux_config.intel_rdt = oci::IntelRdt{};
    CHECK(Refused(spec) == "linux.intelRdt is not supported");
  }
}

TEST_SUITE("runtime/mount_options") {
  TEST_CASE("a later option overrides an earlier one") {
    const auto options = ParseMountOptions({"ro", "nosuid", "rw", "suid", "noexec"});
    REQUIRE(options.ok());
    CHECK(options->set == MOUNT_ATTR_NOEXEC);
    CHECK(options->clear == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID));
  }

  TEST_CASE("recursive forms and propagation are kept apart, the rest is for the file system") {
    const auto options = ParseMountOptions({"rbind", "rro", "rnoexec", "rprivate", "slave", "noatime",
                                            "mode=755", "sync", "defaults", "nr_inodes=1"});
    REQUIRE(options.ok());
    CHECK(options->recursive_bind);
    CHECK(options->recursive_set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC));
    CHECK(options->set == MOUNT_ATTR_NOATIME);
    CHECK(options->clear == MOUNT_ATTR__ATIME);
    CHECK(options->propagation == std::vector<unsigned long>{MS_PRIVATE | MS_REC, MS_SLAVE});
    REQUIRE(options->data.size() == 3);
    CHECK(options->data[0].key == "mode");
    CHECK(options->data[0].value == "755");
    CHECK(options->data[1].is_flag);
  }

  TEST_CASE("every word that is announced is known") {
    for (const std::string& word : KnownMountOptions()) {
      const auto options = ParseMountOptions({word});
      REQUIRE(options.ok());
      INFO(word);
      const bool superblock = !options->data.empty() && options->data[0].is_flag;
      const bool taken = options->data.empty() || superblock;
      CHECK(taken);
    }
  }
}

}  // namespace coracle::runtime
