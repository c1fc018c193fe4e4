// Mounts, devices and covered paths, with root file systems that fight back.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/user_namespace.h"
#include "runtime/kernel_fixture.h"

namespace coracle::runtime {
namespace {

bool Has(const std::string& text, absl::string_view part) { return absl::StrContains(text, part); }

std::string Output(const Fixture& fixture, const oci::Spec& spec) {
  const Outcome outcome = RunToEnd(fixture, spec);
  return outcome.status.ok() ? outcome.output : StatusLine(outcome.status);
}

// Mounted tmpfs at `path` on the host, for the length of a test.
struct HostMount {
  explicit HostMount(const std::string& where) : path(where) {
    REQUIRE((mkdir(path.c_str(), 0755) == 0 || errno == EEXIST));
    REQUIRE(mount("tmpfs", path.c_str(), "tmpfs", 0, nullptr) == 0);
  }
  ~HostMount() { CHECK(umount2(path.c_str(), MNT_DETACH) == 0); }
  std::string path;
};

}  // namespace

TEST_SUITE("runtime/kernel/mounts") {
  TEST_CASE("the default mounts, devices and links are there and the host's root is not") {
    Fixture fixture;
    const std::string text = Output(
        fixture,
        fixture.Shell(
            "cut -d' ' -f5 /proc/self/mountinfo | grep -E "
            "'^/(|dev|dev/mqueue|dev/pts|dev/shm|proc|tmp|work|mnt)$' | sort; ls /dev; readlink /dev/fd; "
            "readlink /dev/ptmx;"
            "echo x > /dev/null; head -c 2 /dev/zero | wc -c; echo y > /dev/shm/f; cat /dev/shm/f"));
    CHECK(text ==
          "/\n/dev\n/dev/mqueue\n/dev/pts\n/dev/shm\n/proc\n"
          "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"
          "/proc/self/fd\npts/ptmx\n2\ny\n");
  }

  TEST_CASE("masked paths are empty and read-only ones refuse writing") {
    Fixture fixture;
    const std::string text = Output(
        fixture,
        fixture.Shell(
            "cat /proc/keys /proc/timer_list /proc/kcore | wc -c; ls /sys/firmware /proc/acpi | grep -v : | "
            "wc -w;"
            "echo 1 > /proc/sys/kernel/domainname; echo s > /proc/sysrq-trigger; touch /sys/x; echo done"));
    CHECK(Has(text, "0\n0\n"));
    CHECK(Has(text, "/proc/sys/kernel/domainname: Read-only file system"));
    if (access("/proc/sysrq-trigger", F_OK) == 0)
      CHECK(Has(text, "/proc/sysrq-trigger: Read-only file system"));
    CHECK(Has(text, "/sys/x: Read-only file system"));
  }

  TEST_CASE("a root with /proc or /sys as a link is refused") {
    Fixture fixture;
    REQUIRE(rmdir((fixture.root() + "/proc").c_str()) == 0);
    REQUIRE(symlink("/etc", (fixture.root() + "/proc").c_str()) == 0);
    CHECK(Has(Output(fixture, fixture.Shell("true")),
              "mount /proc: the root file system has a symbolic link there"));
    CHECK(unlink((fixture.root() + "/proc").c_str()) == 0);
    REQUIRE(mkdir((fixture.root() + "/proc").c_str(), 0755) == 0);
    REQUIRE(rmdir((fixture.root() + "/sys").c_str()) == 0);
    REQUIRE(symlink("proc", (fixture.root() + "/sys").c_str()) == 0);
    CHECK(
        Has(Output(fixture, fixture.Shell("true")), "mount /sys: the root file system has a symbolic link"));
  }

  TEST_CASE("targets that are links or climb stay inside the root") {
    Fixture fixture;
    fixture.Write("source", "from the host\n");
    REQUIRE(symlink("/", (fixture.root() + "/up").c_str()) == 0);
    REQUIRE(symlink("../../../../../../", (fixture.root() + "/climb").c_str()) == 0);
    REQUIRE(symlink((fixture.dir() + "/outside").c_str(), (fixture.root() + "/escape").c_str()) == 0);
    oci::Spec spec = fixture.Shell("cat /a/b /up/c /up/d " + fixture.dir() + "/outside/e");
    for (const char* destination : {"/a/b", "/up/c", "/climb/d", "/escape/e"}) {
      spec.mounts.push_back({.destination = destination,
                             .type = "bind",
                             .source = fixture.dir() + "/source",
                             .options = {"rbind", "ro"}});
    }
    CHECK(Output(fixture, spec) == "from the host\nfrom the host\nfrom the host\nfrom the host\n");
    CHECK_FALSE(fixture.Exists("outside"));
    spec = fixture.Shell("cat /etc/x");
    spec.mounts.push_back({.destination = "/../../../etc/x",
                           .type = "bind",
                           .source = fixture.dir() + "/source",
                           .options = {"bind"}});
    CHECK(Output(fixture, spec) == "from the host\n");
  }

  TEST_CASE("a bind is writable, ro is for itself, rro for all below") {
    Fixture fixture;
    HostMount outer(fixture.dir() + "/vol");
    HostMount inner(fixture.dir() + "/vol/sub");
    const auto run = [&](std::vector<std::string> options) {
      oci::Spec spec = fixture.Shell(
          "touch /vol/a 2>/dev/null && echo -n W || echo -n R;"
          "touch /vol/sub/a 2>/dev/null && echo W || echo R");
      spec.mounts.push_back({.destination = "/vol",
                             .type = "bind",
                             .source = fixture.dir() + "/vol",
                             .options = std::move(options)});
      return Output(fixture, spec);
    };
    CHECK(run({"rbind"}) == "WW\n");
    CHECK(run({"rbind", "ro"}) == "RW\n");
    CHECK(run({"rbind", "rro"}) == "RR\n");
    CHECK(run({"rbind", "ro", "rw"}) == "WW\n");
    CHECK(run({"bind", "ro"}) == "RR\n");  // what lies under the inner mount
  }

  TEST_CASE("nothing that a container mounts shows on the host, and detaching the old root leaves it alone") {
    Fixture fixture;
    HostMount host(fixture.dir() + "/shared");
    REQUIRE(mount(nullptr, host.path.c_str(), nullptr, MS_SHARED, nullptr) == 0);
    HostMount below(fixture.dir() + "/shared/below");
    for (const char* propagation : {"", "private", "slave", "rshared"}) {
      oci::Spec spec = fixture.Shell("mount -t tmpfs t /m/new && echo mounted");
      spec.process->capabilities->bounding = spec.process->capabilities->effective =
          spec.process->capabilities->permitted = {"CAP_SYS_ADMIN"};
      REQUIRE((mkdir((host.path + "/new").c_str(), 0755) == 0 || errno == EEXIST));
      spec.mounts.push_back({.destination = "/m", .type = "bind", .source = host.path, .options = {"rbind"}});
      spec.linux_config.rootfs_propagation = propagation;
      CHECK(Output(fixture, spec) == "mounted\n");
      struct stat top, mounted;
      REQUIRE(stat(host.path.c_str(), &top) == 0);
      REQUIRE(stat(below.path.c_str(), &mounted) == 0);
      CHECK(top.st_dev != mounted.st_dev);
      REQUIRE(stat((host.path + "/new").c_str(), &mounted) == 0);
      CHECK(top.st_dev == mounted.st_dev);
    }
  }

  TEST_CASE("a shared bind does show what the container mounts") {
    Fixture fixture;
    HostMount host(fixture.dir() + "/shared");
    REQUIRE(mount(nullptr, host.path.c_str(), nullptr, MS_SHARED, nullptr) == 0);
    REQUIRE(mkdir((host.path + "/new").c_str(), 0755) == 0);
    oci::Spec spec = fixture.Shell("mount -t tmpfs t /m/new && echo mounted");
    spec.process->capabilities->bounding = spec.process->capabilities->effective =
        spec.process->capabilities->permitted = {"CAP_SYS_ADMIN"};
    spec.mounts.push_back(
        {.destination = "/m", .type = "bind", .source = host.path, .options = {"rbind", "rshared"}});
    spec.linux_config.rootfs_propagation = "rshared";
    CHECK(Output(fixture, spec) == "mounted\n");
    CHECK(umount2((host.path + "/new").c_str(), MNT_DETACH) == 0);
  }

  TEST_CASE("mounts inside the container's /proc are refused but for the harmless ones") {
    Fixture fixture;
    fixture.Write("fake", "fake\n");
    oci::Spec spec = fixture.Shell("cat /proc/uptime");
    spec.mounts.push_back({.destination = "/proc/uptime",
                           .type = "bind",
                           .source = fixture.dir() + "/fake",
                           .options = {"bind"}});
    CHECK(Output(fixture, spec) == "fake\n");
    spec.mounts.back().destination = "/proc/sys/kernel/core_pattern";
    CHECK(Has(Output(fixture, spec), "it is inside the container's /proc"));
    REQUIRE(symlink("/proc/1", (fixture.root() + "/attr").c_str()) == 0);
    spec.mounts.back().destination = "/attr/attr/exec";
    CHECK(Has(Output(fixture, spec), "it is inside the container's /proc"));
  }

  TEST_CASE("a read-only root refuses writing, its volumes do not") {
    Fixture fixture;
    REQUIRE(mkdir((fixture.dir() + "/vol").c_str(), 0755) == 0);
    oci::Spec spec = fixture.Shell("touch /x; touch /vol/x && echo vol");
    spec.root->readonly = true;
    spec.mounts.push_back({.destination = "/vol",
                           .type = "bind",
                           .source = fixture.dir() + "/vol",
                           .options = {"rbind", "rprivate"}});
    const std::string text = Output(fixture, spec);
    CHECK(Has(text, "/x: Read-only file system"));
    CHECK(Has(text, "vol\n"));
  }

  TEST_CASE("the root may be an overlay that only the container ever sees") {
    Fixture fixture;
    for (const char* dir : {"/upper", "/work", "/layer2"})
      REQUIRE(mkdir((fixture.dir() + dir).c_str(), 0755) == 0);
    fixture.Write("layer2/extra", "extra\n");
    const oci::Spec spec = fixture.Shell("cat /extra; echo new > /written");
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    request.root_overlay = os::OverlayOptions{.lower = {fixture.dir() + "/layer2", fixture.root()},
                                              .upper = fixture.dir() + "/upper",
                                              .work = fixture.dir() + "/work"};
    const Outcome outcome = RunToEnd(std::move(request));
    INFO(outcome.status.message());
    CHECK(outcome.output == "extra\n");
    CHECK(fixture.Read("upper/written") == "new\n");
    CHECK_FALSE(fixture.Exists("root/written"));
  }

  TEST_CASE("tmpcopyup starts with what lies below") {
    Fixture fixture;
    fixture.Write("root/etc/conf", "conf\n", 0640);
    REQUIRE(mkdir((fixture.root() + "/etc/d").c_str(), 0700) == 0);
    REQUIRE(symlink("conf", (fixture.root() + "/etc/link").c_str()) == 0);
    oci::Spec spec = fixture.Shell("cat /etc/link; stat -c %a /etc/conf /etc/d; echo x > /etc/conf");
    spec.mounts.push_back(
        {.destination = "/etc", .type = "tmpfs", .source = "tmpfs", .options = {"tmpcopyup"}});
    CHECK(Output(fixture, spec) == "conf\n640\n700\n");
    CHECK(fixture.Read("root/etc/conf") == "conf\n");
  }

  TEST_CASE("an id-mapped bind shows other owners") {
    Fixture fixture;
    HostMount host(fixture.dir() + "/vol");
    fixture.Write("vol/file", "");
    oci::Spec spec = fixture.Shell("stat -c %u:%g /vol/file");
    spec.mounts.push_back({.destination = "/vol",
                           .type = "bind",
                           .source = host.path,
                           .options = {"bind", "idmap"},
                           .uid_mappings = {{.container_id = 0, .host_id = 4000, .size = 10}},
                           .gid_mappings = {{.container_id = 0, .host_id = 5000, .size = 10}}});
    CHECK(Output(fixture, spec) == "4000:5000\n");
  }

  TEST_CASE("errors name the mount and the cause") {
    Fixture fixture;
    const auto refused = [&](oci::Mount mount) {
      oci::Spec spec = fixture.Shell("true");
      spec.mounts.push_back(std::move(mount));
      return Output(fixture, spec);
    };
    CHECK(refused({.destination = "/x", .type = "bind", .source = "/no/such", .options = {"bind"}}) ==
          "mount /x: bind /no/such: No such file or directory");
    CHECK(Has(refused({.destination = "/x", .type = "nofs", .source = "x"}), "mount /x: No such device"));
    CHECK(Has(refused({.destination = "/x", .type = "tmpfs", .source = "x", .options = {"colour=red"}}),
              "mount /x: tmpfs: Unknown parameter 'colour': Invalid argument"));
    CHECK(refused({.destination = "/etc", .type = "bind", .source = "/proc/version", .options = {"bind"}}) ==
          "mount /etc: Is a directory");
    CHECK(refused({.destination = "/", .type = "tmpfs", .source = "x"}) ==
          "mount /: the root itself can't be a destination");
  }

  TEST_CASE("devices of the config are made, with their owner") {
    Fixture fixture;
    if (os::InUserNamespace()) return;  // there they are the host's, bound
    oci::Spec spec = fixture.Shell("stat -c '%F %t:%T %a %u:%g' /dev/net/tun /dev/fuse");
    spec.linux_config.devices = {{.type = "c",
                                  .path = "/dev/net/tun",
                                  .major = 10,
                                  .minor = 200,
                                  .file_mode = 0600,
                                  .uid = 7,
                                  .gid = 8},
                                 {.type = "c", .path = "/dev/fuse", .major = 10, .minor = 229}};
    CHECK(Output(fixture, spec) ==
          "character special file a:c8 600 7:8\ncharacter special file a:e5 666 0:0\n");
  }

  TEST_CASE("the cgroup mount shows the container's own cgroup, read-only") {
    Fixture fixture;
    CgroupRequest wish;
    wish.path = absl::StrCat("/coracle-test/", getpid());
    auto cgroup = Cgroup::Create(wish);
    if (!cgroup.ok()) return;  // no writable hierarchy here
    oci::Spec spec = fixture.Shell(
        "cat /proc/self/cgroup | grep -v ':/$' | wc -l; touch /sys/fs/cgroup/x; ls -d "
        "/sys/fs/cgroup/*/cgroup.procs | wc -l");
    spec.mounts.push_back({.destination = "/sys/fs/cgroup",
                           .type = "cgroup",
                           .source = "cgroup",
                           .options = {"nosuid", "noexec", "nodev", "relatime", "ro"}});
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    request.cgroup = cgroup->get();
    const Outcome outcome = RunToEnd(std::move(request));
    INFO(outcome.status.message());
    CHECK(Has(outcome.output, "0\n"));
    CHECK(Has(outcome.output, "Read-only file system"));
    CHECK((*cgroup)->Remove().ok());
  }
}

}  // namespace coracle::runtime
