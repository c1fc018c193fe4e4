#include "runtime/kernel_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::runtime {
namespace {

std::string ReadMounts() {
  auto text = os::ReadFileAt(AT_FDCWD, "/proc/self/mountinfo");
  return text.ok() ? *text : "";
}

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    read.Reset(ends[0]);
    write.Reset(ends[1]);
  }
  os::UniqueFd read, write;
};

Outcome Finish(absl::StatusOr<Container> created, Pipe& pipe) {
  Outcome outcome;
  outcome.status = created.status();
  pipe.write.Reset();
  if (!created.ok()) {
    outcome.code = ExitCodeOf(created.status()).value_or(-1);
    return outcome;
  }
  auto text = os::ReadAll(pipe.read.get());
  REQUIRE(text.ok());
  outcome.output = *text;
  auto status = os::WaitFor(created->pidfd.get());
  REQUIRE(status.ok());
  outcome.code = status->Code();
  return outcome;
}

}  // namespace

Fixture::Fixture() : mounts_(ReadMounts()) {
  char name[] = "/tmp/coracle-kernel.XXXXXX";
  dir_ = mkdtemp(name);
  REQUIRE(chmod(dir_.c_str(), 0755) == 0);
  for (const char* sub : {"", "/bin", "/etc", "/tmp", "/proc", "/sys", "/dev", "/root"}) {
    REQUIRE(mkdir((root() + sub).c_str(), 0755) == 0);
  }
  REQUIRE(
      system(
          ("cp /bin/busybox " + root() +
           "/bin/ && for a in sh ls cat id grep readlink hostname mount stat tty "
           "sleep true false touch mkdir wc sort ulimit umask env pwd dd stty nice cut head echo; do ln -s "
           "busybox " +
           root() + "/bin/$a; done")
              .c_str()) == 0);
}

Fixture::~Fixture() {
  CHECK(os::RemoveTreeAt(AT_FDCWD, dir_).ok());
  CHECK(ReadMounts() == mounts_);
  siginfo_t info;
  const bool no_children = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
  CHECK(no_children);
}

void Fixture::Write(const std::string& path, const std::string& text, mode_t mode) const {
  REQUIRE(os::WriteFileAt(AT_FDCWD, dir_ + "/" + path, text, mode).ok());
  REQUIRE(chmod((dir_ + "/" + path).c_str(), mode) == 0);
}

std::string Fixture::Read(const std::string& path) const {
  auto text = os::ReadFileAt(AT_FDCWD, dir_ + "/" + path);
  return text.ok() ? *text : "(" + std::string(text.status().message()) + ")";
}

bool Fixture::Exists(const std::string& path) const { return os::ExistsAt(AT_FDCWD, dir_ + "/" + path); }

oci::Spec Fixture::MakeSpec(std::vector<std::string> args) const {
  oci::Spec spec;
  spec.root = oci::Root{.path = root()};
  oci::Process process;
  process.args = std::move(args);
  process.env = {"PATH=/bin", "TERM=xterm"};
  const std::vector<std::string> caps = {"CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID",
                                         "CAP_NET_BIND_SERVICE"};
  process.capabilities = oci::Capabilities{.bounding = caps, .effective = caps, .permitted = caps};
  spec.process = process;
  spec.hostname = "box";
  spec.mounts = {
      {.destination = "/proc", .type = "proc", .source = "proc", .options = {"nosuid", "noexec", "nodev"}},
      {.destination = "/dev",
       .type = "tmpfs",
       .source = "tmpfs",
       .options = {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {.destination = "/dev/pts",
       .type = "devpts",
       .source = "devpts",
       .options = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {.destination = "/dev/shm",
       .type = "tmpfs",
       .source = "shm",
       .options = {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
      {.destination = "/dev/mqueue",
       .type = "mqueue",
       .source = "mqueue",
       .options = {"nosuid", "noexec", "nodev"}},
      {.destination = "/sys",
       .type = "sysfs",
       .source = "sysfs",
       .options = {"nosuid", "noexec", "nodev", "ro"}},
  };
  for (const char* type : {"pid", "network", "mount", "ipc", "uts", "cgroup"}) {
    spec.linux_config.namespaces.push_back({.type = type});
  }
  spec.linux_config.masked_paths = {
      "/proc/acpi", "/proc/kcore",   "/proc/keys",      "/proc/latency_stats", "/proc/timer_list",
      "/proc/scsi", "/sys/firmware", "/sys/fs/selinux", "/proc/interrupts",    "/sys/dev/block"};
  spec.linux_config.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                      "/proc/sysrq-trigger"};
  return spec;
}

Outcome RunToEnd(CreateRequest request) {
  Pipe pipe;
  request.stdio.out = request.stdio.err = pipe.write.get();
  return Finish(Create(request), pipe);
}

Outcome RunToEnd(const Fixture& fixture, const oci::Spec& spec) {
  CreateRequest request;
  request.spec = &spec;
  request.id = "test";
  request.bundle = fixture.dir();
  return RunToEnd(std::move(request));
}

Running::Running(const Fixture& fixture, const oci::Spec& spec) {
  CreateRequest request;
  request.spec = &spec;
  request.id = "test";
  request.bundle = fixture.dir();
  auto created = Create(request);
  INFO(created.status().message());
  REQUIRE(created.ok());
  container = std::move(*created);
}

Running::~Running() {
  (void)os::SendSignal(container.pidfd.get(), SIGKILL);
  CHECK(os::WaitFor(container.pidfd.get()).ok());
}

Outcome ExecToEnd(const ExecRequest& given) {
  Pipe pipe;
  ExecRequest request = given;
  request.stdio.out = request.stdio.err = pipe.write.get();
  return Finish(Exec(request), pipe);
}

}  // namespace coracle::runtime
