// What the process itself gets: errors of exec, ids, capabilities, limits, descriptors, terminal, seccomp.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"
#include "os/process.h"
#include "runtime/kernel_fixture.h"

namespace coracle::runtime {
namespace {

bool Has(const std::string& text, absl::string_view part) { return absl::StrContains(text, part); }

struct Refusal {
  int code;
  std::string line;
};
Refusal RunRefused(const Fixture& fixture, const oci::Spec& spec) {
  const Outcome outcome = RunToEnd(fixture, spec);
  CHECK_FALSE(outcome.status.ok());
  return {outcome.code, StatusLine(outcome.status)};
}

}  // namespace

TEST_SUITE("runtime/kernel/process") {
  TEST_CASE("a command that is missing is 127, one that can't be executed is 126") {
    Fixture fixture;
    fixture.Write("root/bin/plain", "data", 0644);
    fixture.Write("root/bin/junk", "\x01\x02", 0755);
    fixture.Write("root/bin/orphan", "#!/no/such/interpreter\n", 0755);
    Refusal refusal = RunRefused(fixture, fixture.MakeSpec({"nothing"}));
    CHECK(refusal.code == 127);
    CHECK(refusal.line == "exec nothing: executable file not found in $PATH");
    refusal = RunRefused(fixture, fixture.MakeSpec({"/bin/nothing"}));
    CHECK(refusal.code == 127);
    CHECK(refusal.line == "exec /bin/nothing: No such file or directory");
    refusal = RunRefused(fixture, fixture.MakeSpec({"/bin/orphan"}));
    CHECK(refusal.code == 127);
    CHECK(refusal.line == "exec /bin/orphan: its interpreter: No such file or directory");
    refusal = RunRefused(fixture, fixture.MakeSpec({"plain"}));
    CHECK(refusal.code == 126);
    CHECK(refusal.line == "exec plain: Permission denied");
    refusal = RunRefused(fixture, fixture.MakeSpec({"/bin"}));
    CHECK(refusal.code == 126);
    refusal = RunRefused(fixture, fixture.MakeSpec({"junk"}));
    CHECK(refusal.code == 126);
    CHECK(refusal.line == "exec junk: Exec format error");
  }

  TEST_CASE("a cwd that is missing or leads out of the container is refused") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("pwd");
    spec.process->cwd = "/gone";
    CHECK(RunRefused(fixture, spec).line == "chdir to cwd /gone: No such file or directory");
    // CVE-2024-21626: a directory of the host's, open at some descriptor of the runtime.
    const os::UniqueFd leaked(open("/", O_RDONLY | O_DIRECTORY));
    for (int fd = 3; fd < 24; ++fd) {
      spec.process->cwd = absl::StrCat("/proc/self/fd/", fd);
      const Outcome outcome = RunToEnd(fixture, spec);
      CHECK_FALSE(outcome.status.ok());
    }
  }

  TEST_CASE("only the standard descriptors and the preserved ones are open") {
    Fixture fixture;
    const os::UniqueFd leaked(open("/etc/passwd", O_RDONLY));
    // ls itself opens the directory as 3.
    CHECK(RunToEnd(fixture, fixture.MakeSpec({"ls", "/proc/self/fd"})).output == "0\n1\n2\n3\n");
    const oci::Spec spec = fixture.MakeSpec({"cat", "/proc/self/fd/3"});
    fixture.Write("kept", "kept\n");
    const os::UniqueFd source(open((fixture.dir() + "/kept").c_str(), O_RDONLY | O_CLOEXEC));
    const os::UniqueFd saved(fcntl(3, F_DUPFD_CLOEXEC, 100));
    REQUIRE(dup2(source.get(), 3) == 3);
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    request.preserve_fds = 1;
    const Outcome outcome = RunToEnd(std::move(request));
    if (saved.valid()) {
      REQUIRE(dup2(saved.get(), 3) == 3);
    } else {
      close(3);
    }
    CHECK(outcome.output == "kept\n");
  }

  TEST_CASE("user, groups, umask and capabilities are exactly what the config says") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("id -u; id -g; id -G; umask; grep -E '^Cap|NoNewPrivs' /proc/self/status");
    spec.process->user = {.uid = 1000, .gid = 1001, .umask = 027, .additional_gids = {5, 7}};
    spec.process->no_new_privileges = true;
    spec.process->capabilities->ambient = {"CAP_NET_BIND_SERVICE"};
    spec.process->capabilities->inheritable = {"CAP_NET_BIND_SERVICE"};
    const Outcome outcome = RunToEnd(fixture, spec);
    INFO(outcome.status.message());
    CHECK(
        outcome.output ==
        "1000\n1001\n1001 5 7\n0027\nCapInh:\t0000000000000400\nCapPrm:\t0000000000000400\n"
        "CapEff:\t0000000000000400\nCapBnd:\t00000000000004e1\nCapAmb:\t0000000000000400\nNoNewPrivs:\t1\n");
  }

  TEST_CASE("the caller's own groups and inheritable capabilities do not get in") {
    Fixture fixture;
    const oci::Spec spec = fixture.Shell("id -G; grep CapInh /proc/self/status");
    CHECK(RunToEnd(fixture, spec).output == "0\nCapInh:\t0000000000000000\n");
  }

  TEST_CASE("limits are set, and one above our own hard limit is an error that says so") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("ulimit -n; ulimit -Hn");
    spec.process->rlimits = {{.type = "RLIMIT_NOFILE", .soft = 100, .hard = 200}};
    CHECK(RunToEnd(fixture, spec).output == "100\n200\n");
    rlimit64 old = {};
    REQUIRE(getrlimit64(RLIMIT_CORE, &old) == 0);
    spec.process->rlimits = {{.type = "RLIMIT_NOFILE", .soft = 100, .hard = 1u << 30}};
    const Outcome outcome = RunToEnd(fixture, spec);
    if (!outcome.status.ok()) {  // a root with CAP_SYS_RESOURCE may
      CHECK(outcome.code == 125);
      CHECK(
          Has(StatusLine(outcome.status), "set limit RLIMIT_NOFILE to 1073741824: above our own hard limit"));
    }
  }

  TEST_CASE("signals that the caller ignores or blocks are default again") {
    Fixture fixture;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    REQUIRE(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    auto* handler = signal(SIGPIPE, SIG_IGN);
    const Outcome outcome =
        RunToEnd(fixture, fixture.MakeSpec({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}));
    signal(SIGPIPE, handler);
    REQUIRE(sigprocmask(SIG_SETMASK, &old, nullptr) == 0);
    CHECK(outcome.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  }

  TEST_CASE("a terminal is the controlling one, has its size, and is /dev/console too") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell("tty; stty size; stat -c %t:%T /dev/console; echo x > /dev/tty");
    spec.process->terminal = true;
    spec.process->console_size = oci::ConsoleSize{.height = 33, .width = 77};
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    auto created = Create(request);
    INFO(created.status().message());
    REQUIRE(created.ok());
    REQUIRE(created->console.valid());
    std::string text;
    char buffer[256];
    for (;;) {
      const ssize_t count = read(created->console.get(), buffer, sizeof(buffer));
      if (count <= 0) break;  // EIO: the last process has closed it
      text.append(buffer, static_cast<size_t>(count));
    }
    CHECK(text == "/dev/pts/0\r\n33 77\r\n88:0\r\nx\r\n");
    CHECK(os::WaitFor(created->pidfd.get())->Code() == 0);
  }

  TEST_CASE("a seccomp filter applies with and without no_new_privs") {
    Fixture fixture;
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.syscalls = {{.names = {"mkdir", "mkdirat"}, .action = "SCMP_ACT_ERRNO", .errno_ret = ENOSPC}};
    auto filter = CompileSeccomp(profile, "");
    REQUIRE(filter.ok());
    for (const bool no_new_privileges : {false, true}) {
      oci::Spec spec = fixture.MakeSpec({"mkdir", "/tmp/x"});
      spec.process->no_new_privileges = no_new_privileges;
      CreateRequest request;
      request.spec = &spec;
      request.bundle = fixture.dir();
      request.seccomp = &*filter;
      const Outcome outcome = RunToEnd(std::move(request));
      INFO(outcome.status.message());
      CHECK(outcome.code == 1);
      CHECK(Has(outcome.output, "No space left on device"));
    }
  }

  TEST_CASE("a held process runs only after Start, and Start reports its exec") {
    Fixture fixture;
    fixture.Write("root/tmp/x", "");
    oci::Spec spec = fixture.Shell("echo ran > /tmp/x");
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    request.hold_before_exec = true;
    auto held = Create(request);
    REQUIRE(held.ok());
    CHECK(fixture.Read("root/tmp/x").empty());
    CHECK(Start(*held).ok());
    CHECK(os::WaitFor(held->pidfd.get())->Code() == 0);
    CHECK(fixture.Read("root/tmp/x") == "ran\n");
    spec = fixture.MakeSpec({"nothing"});
    held = Create(request);
    REQUIRE(held.ok());
    CHECK(ExitCodeOf(Start(*held)) == 127);
    CHECK(os::WaitFor(held->pidfd.get()).ok());
  }

  TEST_CASE("a held process waits on a fifo that another process writes to") {
    Fixture fixture;
    const std::string fifo = fixture.dir() + "/exec.fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    const oci::Spec spec = fixture.Shell("exit 5");
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    request.hold_before_exec = true;
    request.exec_fifo = fifo;
    auto held = Create(request);
    REQUIRE(held.ok());
    held->exec_status.Reset();
    const os::UniqueFd writer(open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(writer.valid());
    REQUIRE(write(writer.get(), "0", 1) == 1);
    CHECK(os::WaitFor(held->pidfd.get())->Code() == 5);
  }

  TEST_CASE("a held process ends when whoever could start it is gone") {
    Fixture fixture;
    const oci::Spec spec = fixture.Shell("exit 5");
    CreateRequest request;
    request.spec = &spec;
    request.bundle = fixture.dir();
    request.hold_before_exec = true;
    auto held = Create(request);
    REQUIRE(held.ok());
    held->start_gate.Reset();
    CHECK(os::WaitFor(held->pidfd.get())->Code() == 125);
  }

  TEST_CASE("a seccomp listener goes to its socket together with the state") {
    Fixture fixture;
    const std::string path = fixture.dir() + "/listener";
    const os::UniqueFd server(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, path.c_str());
    REQUIRE(bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(server.get(), 1) == 0);
    oci::Spec spec = fixture.Shell("exit 3");
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.listener_path = path;
    profile.listener_metadata = "meta";
    profile.syscalls = {{.names = {"mkdir"}, .action = "SCMP_ACT_NOTIFY"}};
    spec.linux_config.seccomp = profile;
    auto filter = CompileSeccomp(profile, "");
    REQUIRE(filter.ok());
    CreateRequest request;
    request.spec = &spec;
    request.id = "listened";
    request.bundle = fixture.dir();
    request.seccomp = &*filter;
    const Outcome outcome = RunToEnd(std::move(request));
    INFO(outcome.status.message());
    CHECK(outcome.code == 3);
    const os::UniqueFd client(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char text[2048] = {};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec data = {.iov_base = text, .iov_len = sizeof(text) - 1};
    msghdr header = {};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    REQUIRE(recvmsg(client.get(), &header, MSG_CMSG_CLOEXEC) > 0);
    CHECK(Has(text, "\"fds\":[\"seccompFd\"]"));
    CHECK(Has(text, "\"metadata\":\"meta\""));
    CHECK(Has(text, "\"id\":\"listened\""));
    REQUIRE(CMSG_FIRSTHDR(&header) != nullptr);
    int listener = -1;
    memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(int));
    CHECK(close(listener) == 0);
  }

  TEST_CASE("hooks of all kinds run in order, each with the state on its input") {
    Fixture fixture;
    fixture.Write("hook", "#!/bin/sh\nread -r state\necho \"$1 $state\" >> " + fixture.dir() + "/log\n",
                  0755);
    fixture.Write("root/bin/hook", "#!/bin/sh\nread -r state\necho \"$1 $state\" >> /tmp/log\n", 0755);
    oci::Spec spec = fixture.Shell("cat /tmp/log");
    const auto hook = [&](const std::string& name) {
      return oci::Hook{
          .path = fixture.dir() + "/hook", .args = {"hook", name}, .env = {"PATH=/bin:/usr/bin"}};
    };
    spec.hooks.prestart = {hook("prestart")};
    spec.hooks.create_runtime = {hook("createRuntime")};
    spec.hooks.create_container = {hook("createContainer")};
    spec.hooks.start_container = {
        {.path = "/bin/hook", .args = {"hook", "startContainer"}, .env = {"PATH=/bin"}}};
    const Outcome outcome = RunToEnd(fixture, spec);
    INFO(outcome.status.message());
    CHECK(Has(outcome.output, "startContainer {\"ociVersion\""));
    CHECK(Has(outcome.output, "\"status\":\"created\",\"pid\":1,"));
    const std::string log = fixture.Read("log");
    CHECK(log.find("prestart {") == 0);
    CHECK(log.find("createRuntime {") != std::string::npos);
    CHECK(log.find("createRuntime {") < log.find("createContainer {"));
    CHECK(Has(log, "\"status\":\"creating\""));
    CHECK(Has(log, absl::StrCat("\"bundle\":\"", fixture.dir(), "\"")));
  }

  TEST_CASE("a hook that fails or takes too long stops the container, which never runs") {
    Fixture fixture;
    fixture.Write("bad", "#!/bin/sh\necho went wrong >&2\nexit 3\n", 0755);
    fixture.Write("slow", "#!/bin/sh\nexec sleep 60\n", 0755);
    oci::Spec spec = fixture.Shell("echo ran > /tmp/ran");
    spec.hooks.create_runtime = {{.path = fixture.dir() + "/bad"}};
    CHECK(Has(RunRefused(fixture, spec).line, "bad: exit code 3: went wrong"));
    spec.hooks.create_runtime = {};
    spec.hooks.create_container = {
        {.path = fixture.dir() + "/slow", .env = {"PATH=/bin:/usr/bin"}, .timeout_seconds = 1}};
    CHECK(Has(RunRefused(fixture, spec).line, "slow: not done within 1 s"));
    CHECK_FALSE(fixture.Exists("root/tmp/ran"));
  }

  TEST_CASE("a process that dies with its parent is killed when the parent ends") {
    Fixture fixture;
    fixture.Write("root/tmp/pid", "");
    oci::Spec spec = fixture.Shell("sleep 100");
    spec.process->user = {.uid = 1000, .gid = 1000};
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t parent = fork();
    if (parent == 0) {
      CreateRequest request;
      request.spec = &spec;
      request.bundle = fixture.dir();
      request.die_with_parent = true;
      auto created = Create(request);
      const pid_t pid = created.ok() ? created->pid : -1;
      if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid)) _exit(1);
      _exit(0);
    }
    close(ends[1]);
    pid_t pid = -1;
    REQUIRE(read(ends[0], &pid, sizeof(pid)) == sizeof(pid));
    close(ends[0]);
    REQUIRE(pid > 0);
    auto pidfd = os::OpenPidfd(pid);
    REQUIRE(waitpid(parent, nullptr, 0) == parent);
    if (pidfd.ok()) {
      pollfd ended = {.fd = pidfd->get(), .events = POLLIN, .revents = 0};
      CHECK(poll(&ended, 1, 5000) == 1);
    }
  }

  TEST_CASE("oom_score_adj, nice and personality are set") {
    Fixture fixture;
    oci::Spec spec = fixture.Shell(
        "cat /proc/self/oom_score_adj; cut -d' ' -f19 /proc/self/stat; cat /proc/self/personality");
    spec.process->oom_score_adj = 321;
    spec.process->scheduler = oci::Scheduler{.policy = "SCHED_OTHER", .nice = 5};
    spec.process->io_priority = oci::IoPriority{.io_class = "IOPRIO_CLASS_IDLE"};
    spec.linux_config.personality_domain = "LINUX32";
    const Outcome outcome = RunToEnd(fixture, spec);
    INFO(outcome.status.message());
    CHECK(outcome.output == "321\n5\n00000008\n");
  }

  TEST_CASE("an AppArmor profile on a host without AppArmor is an error") {
    Fixture fixture;
    if (access("/sys/module/apparmor", F_OK) == 0) return;
    oci::Spec spec = fixture.Shell("true");
    spec.process->apparmor_profile = "strict";
    CHECK(Has(RunRefused(fixture, spec).line, "AppArmor is not enabled"));
  }
}

}  // namespace coracle::runtime
