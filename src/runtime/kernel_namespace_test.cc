// Namespaces new and joined, exec into them, and what a container can do to its runtime.
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"
#include "os/process.h"
#include "os/read_only_self.h"
#include "os/user_namespace.h"
#include "runtime/kernel_fixture.h"

namespace coracle::runtime {
namespace {

bool Has(const std::string& text, absl::string_view part) { return absl::StrContains(text, part); }

std::string Output(const Fixture& fixture, const oci::Spec& spec) {
  const Outcome outcome = RunToEnd(fixture, spec);
  return outcome.status.ok() ? outcome.output : StatusLine(outcome.status);
}

void SetNamespace(oci::Spec& spec, const std::string& type, const std::string& path) {
  for (oci::Namespace& entry : spec.linux_config.namespaces) {
    if (entry.type == type) {
      entry.path = path;
      return;
    }
  }
  spec.linux_config.namespaces.push_back({.type = type, .path = path});
}

std::string NamespaceOf(pid_t pid, const char* name) {
  auto link = os::ReadLinkAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/ns/", name));
  return link.ok() ? *link : "?";
}

std::string PathOf(const Running& running, const char* name) {
  return absl::StrCat("/proc/", running.container.pid, "/ns/", name);
}

constexpr uint32_t kOutside = 10000;  // within what subordinate ids map, for runs as an ordinary user

void MakeRootless(const Fixture& fixture, oci::Spec& spec) {
  spec.linux_config.namespaces.push_back({.type = "user"});
  spec.linux_config.uid_mappings = {{.container_id = 0, .host_id = kOutside, .size = 1000}};
  spec.linux_config.gid_mappings = {{.container_id = 0, .host_id = 2 * kOutside, .size = 1000}};
  REQUIRE(system(absl::StrCat("chown -R ", kOutside, ":", 2 * kOutside, " ", fixture.root()).c_str()) == 0);
}

ExecRequest MakeExec(const Running& running, const oci::Spec& spec, const oci::Process& process) {
  ExecRequest request;
  request.pid = running.container.pid;
  request.process = &process;
  request.linux_config = &spec.linux_config;
  return request;
}

}  // namespace

TEST_SUITE("runtime/kernel/namespaces") {
  TEST_CASE("every namespace asked for is new, the others are the host's") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell(
        "for n in pid net mnt ipc uts cgroup time user; do readlink /proc/self/ns/$n; done;"
        "hostname; cat /proc/net/dev | wc -l; echo $$");
    spec.linux_config.namespaces.push_back({.type = "time"});
    const std::string text = Output(fixture, spec);
    for (const char* name : {"pid", "net", "mnt", "ipc", "uts", "cgroup", "time"}) {
      CHECK_FALSE(Has(text, NamespaceOf(getpid(), name)));
    }
    CHECK(Has(text, NamespaceOf(getpid(), "user")));
    CHECK(Has(text, "box\n3\n1\n"));
  }

  TEST_CASE("the loopback interface of a new network is up") {
    Fixture fixture;
    const oci::Spec spec = fixture.Shell("cat /proc/net/fib_trie /proc/net/if_inet6");
    CHECK(Has(Output(fixture, spec), "127.0.0.1"));
  }

  TEST_CASE("time offsets apply to the first process, and ours are unchanged after") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("cat /proc/uptime");
    spec.linux_config.namespaces.push_back({.type = "time"});
    spec.linux_config.time_offsets["boottime"] = {.secs = 5000000};
    CHECK(atof(Output(fixture, spec).c_str()) > 5000000);
    const std::string before = NamespaceOf(getpid(), "time");
    CHECK(NamespaceOf(getpid(), "time_for_children") == before);
  }

  TEST_CASE("sysctls of the container's namespaces are set, others refused") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni");
    spec.linux_config.sysctl = {{"net.ipv4.ip_forward", "1"}, {"kernel.shmmni", "1234"}};
    CHECK(Output(fixture, spec) == "1\n1234\n");
    spec.linux_config.sysctl = {{"kernel.panic", "1"}};
    CHECK(Has(Output(fixture, spec), "sysctl kernel.panic: is not of a namespace"));
  }

  TEST_CASE("a new user namespace: root inside, an ordinary id outside") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell(
        "id -u; cat /proc/self/uid_map; stat -c '%u %t:%T' /dev/null; echo x > /dev/null;"
        "touch /new; ls -ln / | grep new | cut -c1-20; hostname; grep CapEff /proc/self/status");
    MakeRootless(fixture, spec);
    const Outcome outcome = RunToEnd(fixture, spec);
    INFO(StatusLine(outcome.status));
    INFO(outcome.output);
    REQUIRE(outcome.status.ok());
    CHECK(outcome.output.substr(0, 2) == "0\n");
    CHECK(Has(outcome.output, "10000       1000"));
    CHECK(Has(outcome.output, "1:3\n"));
    CHECK(Has(outcome.output, "box\nCapEff:\t00000000000004e1\n"));
    struct stat info;
    REQUIRE(stat((fixture.root() + "/new").c_str(), &info) == 0);
    CHECK(info.st_uid == kOutside);
    CHECK(info.st_gid == 2 * kOutside);
  }

  TEST_CASE("a user other than root in a new user namespace, with a terminal") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("id -u; id -G; tty");
    MakeRootless(fixture, spec);
    spec.process->user = {.uid = 33, .gid = 33, .additional_gids = {44}};
    spec.process->terminal = true;
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    auto created = Create(request);
    INFO(created.status().message());
    REQUIRE(created.ok());
    char buffer[256] = {};
    std::string text;
    for (ssize_t count; (count = read(created->console.get(), buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(count));
    }
    CHECK(os::WaitFor(created->pidfd.get())->Code() == 0);
    CHECK(text == "33\r\n33 44\r\n/dev/pts/0\r\n");
  }

  TEST_CASE("namespaces of another container are joined by path") {
    Fixture fixture;
    Running first(fixture, fixture.MakeSpec({"sleep", "100"}));
    oci::Spec spec = fixture.Shell(
        "echo $$; hostname; for n in pid net ipc uts; do readlink /proc/self/ns/$n; done; "
        "cat /proc/1/cmdline");
    spec.hostname = "";
    for (const char* type : {"pid", "network", "ipc", "uts"}) {
      SetNamespace(spec, type, PathOf(first, std::string(type) == "network" ? "net" : type));
    }
    const std::string text = Output(fixture, spec);
    for (const char* name : {"pid", "net", "ipc", "uts"})
      CHECK(Has(text, NamespaceOf(first.container.pid, name)));
    CHECK(Has(text, "box\n"));
    CHECK(text.substr(0, 2) != "1\n");
    CHECK(Has(text, "sleep"));
    CHECK(NamespaceOf(getpid(), "pid_for_children") == NamespaceOf(getpid(), "pid"));
  }

  TEST_CASE("a user namespace is joined together with others that it owns") {
    Fixture fixture;
    oci::Spec owner = fixture.MakeSpec({"sleep", "100"});
    MakeRootless(fixture, owner);
    Running first(fixture, owner);
    oci::Spec spec = fixture.Shell("id -u; readlink /proc/self/ns/user; readlink /proc/self/ns/net; echo $$");
    spec.linux_config.namespaces.push_back({.type = "user", .path = PathOf(first, "user")});
    SetNamespace(spec, "network", PathOf(first, "net"));
    const Outcome outcome = RunToEnd(fixture, spec);
    INFO(StatusLine(outcome.status));
    CHECK(outcome.output.substr(0, 2) == "0\n");
    CHECK(Has(outcome.output, NamespaceOf(first.container.pid, "user")));
    CHECK(Has(outcome.output, NamespaceOf(first.container.pid, "net")));
    CHECK(Has(outcome.output, "\n1\n"));
  }

  TEST_CASE("a new user namespace beside a network of the host's") {
    Fixture fixture;
    Running first(fixture, fixture.MakeSpec({"sleep", "100"}));
    oci::Spec spec = fixture.Shell("id -u; readlink /proc/self/ns/net; ls /sys | grep -c kernel");
    MakeRootless(fixture, spec);
    SetNamespace(spec, "network", PathOf(first, "net"));
    const Outcome outcome = RunToEnd(fixture, spec);
    INFO(StatusLine(outcome.status));
    CHECK(outcome.output == absl::StrCat("0\n", NamespaceOf(first.container.pid, "net"), "\n1\n"));
  }

  TEST_CASE("a namespace that is missing is named") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("true");
    SetNamespace(spec, "network", "/run/no/such");
    CHECK(Output(fixture, spec) == "join network namespace: open /run/no/such: No such file or directory");
    SetNamespace(spec, "network", "/proc/self/ns/uts");
    CHECK(Output(fixture, spec) == "join namespace network: Invalid argument");
  }

  TEST_CASE("exec runs in the container's namespaces and root") {
    Fixture fixture;
    const oci::Spec spec = fixture.MakeSpec({"sleep", "100"});
    Running running(fixture, spec);
    oci::Process process = *spec.process;
    process.args = {"/bin/sh", "-c",
                    "ls /; hostname; for n in pid net mnt ipc uts cgroup; do readlink /proc/self/ns/$n; done;"
                    "grep CapEff /proc/self/status; ls /proc/self/fd | wc -l; exit 9"};
    const Outcome outcome = ExecToEnd(MakeExec(running, spec, process));
    INFO(StatusLine(outcome.status));
    CHECK(outcome.code == 9);
    for (const char* name : {"pid", "net", "mnt", "ipc", "uts", "cgroup"}) {
      CHECK(Has(outcome.output, NamespaceOf(running.container.pid, name)));
    }
    CHECK(Has(outcome.output, "box\n"));
    CHECK(Has(outcome.output, "CapEff:\t00000000000004e1\n4\n"));
    process.args = {"grep", "Cpus_allowed_list", "/proc/self/status"};
    process.exec_cpu_affinity_final = "0";
    CHECK(ExecToEnd(MakeExec(running, spec, process)).output == "Cpus_allowed_list:\t0\n");
    process.exec_cpu_affinity_final = "0-";
    CHECK(ExecToEnd(MakeExec(running, spec, process)).code == 125);
    process.exec_cpu_affinity_final = "";
    process.args = {"nothing"};
    CHECK(ExecToEnd(MakeExec(running, spec, process)).code == 127);
    process.args = {"true"};
    process.cwd = "/gone";
    CHECK(Has(StatusLine(ExecToEnd(MakeExec(running, spec, process)).status),
              "chdir to cwd /gone: No such file"));
    CHECK(NamespaceOf(getpid(), "pid_for_children") == NamespaceOf(getpid(), "pid"));
  }

  TEST_CASE("exec into a container with a user namespace") {
    Fixture fixture;
    oci::Spec spec = fixture.MakeSpec({"sleep", "100"});
    MakeRootless(fixture, spec);
    Running running(fixture, spec);
    oci::Process process = *spec.process;
    process.args = {"/bin/sh", "-c", "id -u; id -g; id -G; readlink /proc/self/ns/user"};
    process.user = {.uid = 12, .gid = 13, .additional_gids = {14}};
    const Outcome outcome = ExecToEnd(MakeExec(running, spec, process));
    INFO(StatusLine(outcome.status));
    CHECK(outcome.output ==
          absl::StrCat("12\n13\n13 14\n", NamespaceOf(running.container.pid, "user"), "\n"));
  }

  TEST_CASE("exec with a terminal") {
    Fixture fixture;
    const oci::Spec spec = fixture.MakeSpec({"sleep", "100"});
    Running running(fixture, spec);
    oci::Process process = *spec.process;
    process.args = {"/bin/sh", "-c", "tty; stty size"};
    process.terminal = true;
    process.console_size = oci::ConsoleSize{.height = 10, .width = 20};
    auto executed = Exec(MakeExec(running, spec, process));
    INFO(executed.status().message());
    REQUIRE(executed.ok());
    char buffer[256] = {};
    std::string text;
    for (ssize_t count; (count = read(executed->console.get(), buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(count));
    }
    CHECK(os::WaitFor(executed->pidfd.get())->Code() == 0);
    CHECK(text == "/dev/pts/0\r\n10 20\r\n");
  }

  TEST_CASE("exec enters the container's cgroups") {
    Fixture fixture;
    CgroupRequest wish;
    wish.path = absl::StrCat("/coracle-test/exec", getpid());
    auto cgroup = Cgroup::Create(wish);
    if (!cgroup.ok()) return;  // no writable hierarchy here
    const oci::Spec spec = fixture.MakeSpec({"sleep", "100"});
    CreateRequest create;
    create.spec = &spec;
    create.bundle = fixture.dir();
    create.cgroup = cgroup->get();
    auto created = Create(create);
    INFO(StatusLine(created.status()));
    REQUIRE(created.ok());
    oci::Process process = *spec.process;
    process.args = {"/bin/sh", "-c", "grep -v ':/$' /proc/self/cgroup; echo end"};
    ExecRequest request;
    request.pid = created->pid;
    request.process = &process;
    request.linux_config = &spec.linux_config;
    request.cgroup_paths = (*cgroup)->paths();
    const Outcome outcome = ExecToEnd(request);
    INFO(StatusLine(outcome.status));
    CHECK(outcome.output == "end\n");
    (void)os::SendSignal(created->pidfd.get(), SIGKILL);
    CHECK(os::WaitFor(created->pidfd.get()).ok());
    CHECK((*cgroup)->Remove().ok());
  }

  TEST_CASE("the runtime's own program can't be written from a container, root and in sight of it as it is") {
    Fixture fixture;
    // Truncation asks the mount first; without it the kernel may say first that the program is in use.
    oci::Spec spec = fixture.Shell(
        absl::StrCat("head -c 4 /proc/", getpid(), "/exe | cut -c2-4; exec 3< /proc/", getpid(),
                     "/exe; echo x > /proc/", getpid(), "/exe; echo x > /proc/self/fd/3; echo end"));
    auto& namespaces = spec.linux_config.namespaces;
    namespaces.erase(namespaces.begin());  // pid: the host's processes are in sight
    std::vector<std::string>& caps = spec.process->capabilities->bounding;
    caps = {"CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_FOWNER"};
    spec.process->capabilities->effective = spec.process->capabilities->permitted = caps;
    const std::string text = Output(fixture, spec);
    INFO(text);
    CHECK(text.substr(0, 4) == "ELF\n");
    CHECK(Has(text, "exe: Read-only file system"));
    CHECK(Has(text, "fd/3: Read-only file system"));
    CHECK(Has(text, "end\n"));
  }

  TEST_CASE("an entry point that runs the runtime again gets a file that it can't write") {
    Fixture fixture;
    fixture.Write("root/bin/again", "#!/proc/self/exe\n", 0755);
    const Outcome outcome = RunToEnd(fixture, fixture.MakeSpec({"/bin/again"}));
    // This test program needs a dynamic loader that the root lacks; the file itself is what counts, see
    // above.
    CHECK((outcome.code == 127 || outcome.code == 77));
    CHECK(os::IsReadOnlySelf());
  }

  TEST_CASE("a user without subordinate ids gets a container of one id") {
    if (os::InUserNamespace()) return;  // needs to become another user
    Fixture fixture;
    constexpr uid_t kNobodyKnown = 54321;
    REQUIRE(system(absl::StrCat("chown -R ", kNobodyKnown, " ", fixture.dir()).c_str()) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
      if (setgroups(0, nullptr) != 0 || setresgid(kNobodyKnown, kNobodyKnown, kNobodyKnown) != 0 ||
          setresuid(kNobodyKnown, kNobodyKnown, kNobodyKnown) != 0) {
        _exit(10);
      }
      const auto ids = os::EnterRootlessUserNamespace();
      if (!ids.ok()) _exit(access("/proc/sys/user/max_user_namespaces", F_OK) == 0 ? 11 : 12);
      if (ids->uids.size() != 1 || ids->reduced_because.empty() || !os::InUserNamespace()) _exit(13);
      const oci::Spec spec = fixture.Shell("test $(id -u) = 0 && test -c /dev/null && touch /made");
      const Outcome outcome = RunToEnd(fixture, spec);
      if (!outcome.status.ok()) fprintf(stderr, "%s\n", StatusLine(outcome.status).c_str());
      _exit(outcome.status.ok() && outcome.code == 0 ? 0 : 14);
    }
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(WEXITSTATUS(status) == 0);
    struct stat info;
    REQUIRE(stat((fixture.root() + "/made").c_str(), &info) == 0);
    CHECK(info.st_uid == kNobodyKnown);
  }

  TEST_CASE("exec into a container that has ended is an error") {
    Fixture fixture;
    const oci::Spec spec = fixture.MakeSpec({"true"});
    CreateRequest create;
    create.spec = &spec;
    create.bundle = fixture.dir();
    auto created = Create(create);
    REQUIRE(created.ok());
    siginfo_t info;
    REQUIRE(waitid(P_PIDFD, static_cast<id_t>(created->pidfd.get()), &info, WEXITED | WNOWAIT) == 0);
    ExecRequest request;
    request.pid = created->pid;
    request.process = &*spec.process;
    request.linux_config = &spec.linux_config;
    CHECK_FALSE(ExecToEnd(request).status.ok());
    CHECK(os::WaitFor(created->pidfd.get()).ok());
    CHECK_FALSE(ExecToEnd(request).status.ok());
  }

  TEST_CASE("work on the namespaces happens before the root changes, and its error stops the start") {
    Fixture fixture;
    const oci::Spec spec = fixture.Shell("hostname");
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    std::string seen;
    request.on_namespaces = [&](pid_t pid) {
      seen = NamespaceOf(pid, "net");
      return absl::OkStatus();
    };
    CHECK(RunToEnd(request).output == "box\n");
    CHECK(seen != NamespaceOf(getpid(), "net"));
    request.on_namespaces = [](pid_t) { return absl::UnavailableError("no network today"); };
    CHECK(StatusLine(RunToEnd(request).status) == "no network today");
  }
}

}  // namespace coracle::runtime
