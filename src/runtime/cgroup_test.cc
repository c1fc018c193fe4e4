// On the real kernel: needs a place to make cgroups in (root, or a delegated session).
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::runtime {
namespace {

CgroupRequest Request(const char* name) {
  CgroupRequest request;
  request.path = absl::StrCat("/coracle-test/", name, "-", getpid());
  return request;
}

bool CanMake() {
  const bool can = ProbeCgroups().writable;
  if (!can) MESSAGE("skipped: no cgroup is writable here");
  return can;
}

bool HasController(absl::string_view name) {
  const std::vector<std::string> all = ProbeCgroups().controllers;
  return std::find(all.begin(), all.end(), name) != all.end();
}

// Starts `body` in the cgroup the way a container starts; returns when it is in.
template <typename Body>
pid_t StartIn(const Cgroup& cgroup, Body body) {
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  if (cgroup.entry().v2_dir >= 0) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(cgroup.entry().v2_dir);
  }
  int ready[2];
  REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
  const pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof(args)));
  if (pid == 0) {
    signal(SIGTERM, SIG_DFL);  // the test program handles it
    for (const int fd : cgroup.entry().v1_tasks) {
      if (write(fd, "0", 1) != 1) _exit(99);
    }
    close(ready[0]);
    if (write(ready[1], "", 1) != 1) _exit(98);
    close(ready[1]);
    _exit(body());
  }
  REQUIRE(pid > 0);
  close(ready[1]);
  char byte = 0;
  CHECK(read(ready[0], &byte, 1) == 1);
  close(ready[0]);
  return pid;
}

int Wait(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int Sleep() {
  for (;;) pause();
}

// The text of `file` in whichever directory of the cgroup has it.
std::string Value(const Cgroup& cgroup, const std::string& file) {
  for (const std::string& path : cgroup.paths()) {
    absl::StatusOr<std::string> text = os::ReadFileAt(AT_FDCWD, absl::StrCat(path, "/", file));
    if (text.ok()) return text->substr(0, text->find('\n'));
  }
  return "?";
}

bool Gone(const std::vector<std::string>& paths) {
  return std::none_of(paths.begin(), paths.end(),
                      [](const std::string& p) { return os::ExistsAt(AT_FDCWD, p); });
}

}  // namespace

TEST_SUITE("runtime/cgroup") {
  TEST_CASE("a process is born in it, and nothing is left when it is removed") {
    if (!CanMake()) return;
    auto cgroup = Cgroup::Create(Request("plain")).value();
    REQUIRE_FALSE(cgroup->paths().empty());
    const pid_t pid = StartIn(*cgroup, Sleep);
    REQUIRE(pid > 0);
    for (const std::string& path : cgroup->paths()) {
      CHECK(os::ReadFileAt(AT_FDCWD, path + "/cgroup.procs").value() == absl::StrCat(pid, "\n"));
    }
    CHECK(cgroup->Pids().value() == std::vector<int32_t>{pid});
    // Removing a cgroup that is in use kills what is in it.
    CHECK(cgroup->Remove().ok());
    CHECK(Wait(pid) == 1000 + SIGKILL);
    CHECK(Gone(cgroup->paths()));
    CHECK(cgroup->Remove().ok());
  }

  TEST_CASE("limits reach the kernel and can be changed both ways") {
    if (!CanMake() || !HasController("memory") || !HasController("cpu")) return;
    CgroupRequest request = Request("limits");
    request.resources.memory.emplace();
    request.resources.memory->limit = 64 << 20;
    request.resources.memory->swap = 128 << 20;
    request.resources.pids_limit = 33;
    auto cgroup = Cgroup::Create(request).value();
    const absl::Cleanup remove = [&] { CHECK(cgroup->Remove().ok()); };
    const bool v1 = Value(*cgroup, "memory.limit_in_bytes") != "?";
    const auto memory = [&] { return Value(*cgroup, v1 ? "memory.limit_in_bytes" : "memory.max"); };
    const auto swap = [&] { return Value(*cgroup, v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max"); };
    CHECK(memory() == absl::StrCat(64 << 20));
    CHECK(swap() == absl::StrCat(v1 ? 128 << 20 : 64 << 20));
    CHECK(Value(*cgroup, "pids.max") == "33");
    oci::Resources change;
    change.memory.emplace();
    change.memory->limit = 256 << 20;
    change.memory->swap = 300 << 20;
    change.cpu.emplace();
    change.cpu->quota = 50000;
    change.cpu->period = 100000;
    CHECK(StatusLine(cgroup->Update(change)) == StatusLine(absl::OkStatus()));
    CHECK(memory() == absl::StrCat(256 << 20));
    CHECK(swap() == absl::StrCat(v1 ? 300 << 20 : 44 << 20));
    CHECK(Value(*cgroup, v1 ? "cpu.cfs_quota_us" : "cpu.max") == (v1 ? "50000" : "50000 100000"));
    change.memory->limit = 32 << 20;
    change.memory->swap = 32 << 20;
    CHECK(cgroup->Update(change).ok());
    CHECK(memory() == absl::StrCat(32 << 20));
    CHECK(cgroup->Stats().value().memory_limit_bytes == 32 << 20);
    CHECK(cgroup->Stats().value().pids_limit == 33);
  }

  TEST_CASE("a limit on processes stops a fork, a limit on memory kills and is seen") {
    if (!CanMake() || !HasController("memory") || !HasController("pids")) return;
    CgroupRequest request = Request("bite");
    request.resources.memory.emplace();
    request.resources.memory->limit = 16 << 20;
    request.resources.memory->swap = 16 << 20;
    request.resources.pids_limit = 1;
    auto cgroup = Cgroup::Create(request).value();
    const absl::Cleanup remove = [&] { CHECK(cgroup->Remove().ok()); };
    CHECK(Wait(StartIn(*cgroup, [] {
            const pid_t pid = fork();
            if (pid == 0) _exit(0);
            return pid < 0 && errno == EAGAIN ? 7 : 8;
          })) == 7);
    CHECK_FALSE(cgroup->OomKilled());
    CHECK(Wait(StartIn(*cgroup, [] {
            const size_t size = 64 << 20;
            char* memory = static_cast<char*>(malloc(size));
            for (size_t i = 0; i < size; i += 4096) static_cast<volatile char*>(memory)[i] = 1;
            return 0;
          })) == 1000 + SIGKILL);
    CHECK(cgroup->OomKilled());
  }

  TEST_CASE("frozen processes stand still, and a kill reaches them") {
    if (!CanMake()) return;
    auto cgroup = Cgroup::Create(Request("freeze")).value();
    const absl::Cleanup remove = [&] { CHECK(cgroup->Remove().ok()); };
    void* shared = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    auto* counter = static_cast<volatile uint64_t*>(shared);
    const pid_t pid = StartIn(*cgroup, [counter]() -> int {
      for (;;) *counter = *counter + 1;
    });
    while (*counter == 0) usleep(100);
    CHECK(cgroup->Freeze().ok());
    CHECK(cgroup->Frozen());
    const uint64_t before = *counter;
    usleep(20000);
    CHECK(*counter == before);
    CHECK(cgroup->Thaw().ok());
    CHECK_FALSE(cgroup->Frozen());
    while (*counter == before) usleep(100);
    CHECK(cgroup->KillAll(SIGTERM).ok());
    CHECK(Wait(pid) == 1000 + SIGTERM);
    const pid_t second = StartIn(*cgroup, Sleep);
    CHECK(cgroup->Freeze().ok());
    CHECK(cgroup->KillAll(SIGKILL).ok());
    CHECK(Wait(second) == 1000 + SIGKILL);
  }

  TEST_CASE("what an update joined later is found again and removed by the old names") {
    if (!CanMake() || !HasController("cpu")) return;
    auto cgroup = Cgroup::Create(Request("late")).value();
    const std::vector<std::string> before = cgroup->paths();
    const pid_t pid = StartIn(*cgroup, Sleep);
    oci::Resources change;
    change.cpu.emplace();
    change.cpu->shares = 512;
    REQUIRE(cgroup->Update(change).ok());
    const std::vector<std::string> after = cgroup->paths();
    for (const std::string& path : after) {
      CHECK(os::ReadFileAt(AT_FDCWD, path + "/cgroup.procs").value() == absl::StrCat(pid, "\n"));
    }
    auto again = Cgroup::Open(before).value();
    CHECK(again->paths().size() == after.size());
    // A further process gets into all of them as well.
    const pid_t second = StartIn(*again, Sleep);
    for (const std::string& path : after) {
      CHECK(os::ReadFileAt(AT_FDCWD, path + "/cgroup.procs").value() ==
            absl::StrCat(pid, "\n", second, "\n"));
    }
    kill(second, SIGTERM);
    CHECK(Wait(second) == 1000 + SIGTERM);
    CHECK(again->KillAll(SIGTERM).ok());
    CHECK(Wait(pid) == 1000 + SIGTERM);
    CHECK(again->Remove().ok());
    CHECK(Gone(after));
  }

  TEST_CASE("a refused value leaves nothing behind") {
    if (!CanMake() || !HasController("cpuset")) return;
    CgroupRequest request = Request("refused");
    request.resources.cpu.emplace();
    request.resources.cpu->cpus = "4000-4001";
    const auto cgroup = Cgroup::Create(request);
    REQUIRE_FALSE(cgroup.ok());
    CHECK(absl::StrContains(cgroup.status().message(), "--cpuset-cpus"));
    request.resources = oci::Resources();
    auto plain = Cgroup::Create(request).value();
    CHECK(plain->Remove().ok());
    const absl::string_view name = absl::string_view(request.path).substr(request.path.rfind('/'));
    CHECK_FALSE(os::ExistsAt(AT_FDCWD, absl::StrCat("/sys/fs/cgroup/cpuset/coracle-test", name)));
  }

  TEST_CASE("a cgroup with strangers in it is not taken over") {
    if (!CanMake()) return;
    auto cgroup = Cgroup::Create(Request("taken")).value();
    const pid_t pid = StartIn(*cgroup, Sleep);
    CHECK(Cgroup::Create(Request("taken")).status().code() == absl::StatusCode::kFailedPrecondition);
    CHECK(cgroup->Remove().ok());
    CHECK(Wait(pid) == 1000 + SIGKILL);
    CHECK_FALSE(Cgroup::Open({"/sys/fs/cgroup/../../etc"}).ok());
    CHECK_FALSE(Cgroup::Open({"/etc"}).ok());
  }

  TEST_CASE("devices that no rule allows can't be opened") {
    if (!CanMake() || geteuid() != 0) return;
    CgroupRequest request = Request("devices");
    oci::DeviceCgroupRule deny;
    deny.access = "rwm";
    request.resources.devices.push_back(deny);
    auto created = Cgroup::Create(request);
    REQUIRE_MESSAGE(created.ok(), created.status().message());
    auto& cgroup = *created;
    const absl::Cleanup remove = [&] { CHECK(cgroup->Remove().ok()); };
    const auto open_error = [&](const char* path) {
      return Wait(StartIn(*cgroup, [path] { return open(path, O_RDONLY) >= 0 ? 0 : errno; }));
    };
    CHECK(open_error("/dev/null") == 0);
    CHECK(open_error("/dev/kmsg") == EPERM);
    oci::DeviceCgroupRule kmsg;
    kmsg.allow = true;
    kmsg.type = "c";
    kmsg.major = 1;
    kmsg.minor = 11;
    kmsg.access = "r";
    request.resources.devices.push_back(kmsg);
    CHECK(cgroup->Update(request.resources).ok());
    CHECK(open_error("/dev/kmsg") == 0);
    request.resources.devices.pop_back();
    CHECK(cgroup->Update(request.resources).ok());
    CHECK(open_error("/dev/kmsg") == EPERM);
  }

  TEST_CASE("the parent directory stays for the next container, and can be removed when empty") {
    if (!CanMake()) return;
    auto cgroup = Cgroup::Create(Request("last")).value();
    CHECK(cgroup->Remove().ok());
    for (const std::string& path : cgroup->paths()) {
      const std::string parent = path.substr(0, path.rfind('/'));
      CHECK(os::ExistsAt(AT_FDCWD, parent));
    }
    // Leave no trace of the tests themselves: also where a limit had made it.
    for (const char* h :
         {"", "unified", "cpu", "cpuset", "memory", "devices", "pids", "blkio", "cpu,cpuacct"}) {
      (void)rmdir(absl::StrCat("/sys/fs/cgroup/", h, "/coracle-test").c_str());
    }
  }

  TEST_CASE("no cgroup at all is possible") {
    CgroupRequest request = Request("none");
    request.disabled = true;
    auto cgroup = Cgroup::Create(request).value();
    CHECK(cgroup->paths().empty());
    CHECK(cgroup->entry().v2_dir == -1);
    CHECK(cgroup->Remove().ok());
    CHECK_FALSE(cgroup->Pids().ok());
  }
}
}  // namespace coracle::runtime
