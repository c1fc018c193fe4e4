#include "runtime/seccomp.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "absl/cleanup/cleanup.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/file.h"

namespace coracle::runtime {
namespace {

oci::SeccompSyscall Rule(std::vector<std::string> names, const char* action) {
  oci::SeccompSyscall rule;
  rule.names = std::move(names);
  rule.action = action;
  return rule;
}

// Installs the filter in a child that then runs `call`; what `call` returns (0 to 250), or 1000 + signal.
template <typename Call>
int Under(const SeccompFilter& filter, Call call) {
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (InstallSeccomp(filter, nullptr) != 0) syscall(SYS_exit_group, 251);
    syscall(SYS_exit_group, call());
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int ErrnoOfCall(long number, long a = 0, long b = 0, long c = 0) {
  return syscall(number, a, b, c) < 0 ? errno : 0;
}

}  // namespace

TEST_SUITE("runtime/seccomp") {
  TEST_CASE("rules of a deny list bite, others do not") {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.syscalls.push_back(Rule({"getppid", "no_such_call_at_all"}, "SCMP_ACT_ERRNO"));
    profile.syscalls.push_back(Rule({"getpgrp"}, "SCMP_ACT_ERRNO"));
    profile.syscalls[1].errno_ret = EXDEV;
    profile.syscalls.push_back(Rule({"getsid"}, "SCMP_ACT_KILL_PROCESS"));
    const SeccompFilter filter = CompileSeccomp(profile, "").value();
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_getppid); }) == EPERM);
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_getpgrp); }) == EXDEV);
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_getuid); }) == 0);
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_getsid); }) == 1000 + SIGSYS);
  }

  TEST_CASE("an allow list answers EPERM to what it leaves out and ENOSYS to what is newer than itself") {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    profile.syscalls.push_back(Rule({"exit_group", "getuid", "openat"}, "SCMP_ACT_ALLOW"));
    const SeccompFilter filter = CompileSeccomp(profile, "").value();
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_getuid); }) == 0);
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_getppid); }) == EPERM);
    CHECK(Under(filter, [] { return ErrnoOfCall(435); }) == ENOSYS);
    CHECK(Under(filter, [] { return ErrnoOfCall(100000); }) == ENOSYS);
    oci::Seccomp own = profile;
    own.default_errno_ret = EACCES;
    CHECK(Under(CompileSeccomp(own, "").value(), [] { return ErrnoOfCall(SYS_getppid); }) == EACCES);
  }

  TEST_CASE("arguments are compared, two on one argument are alternatives") {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.syscalls.push_back(Rule({"dup2"}, "SCMP_ACT_ERRNO"));
    profile.syscalls[0].args.push_back({.index = 1, .value = 7, .value_two = 0, .op = "SCMP_CMP_EQ"});
    profile.syscalls[0].args.push_back({.index = 1, .value = 9, .value_two = 0, .op = "SCMP_CMP_EQ"});
    const SeccompFilter filter = CompileSeccomp(profile, "").value();
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_dup2, 2, 7); }) == EPERM);
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_dup2, 2, 9); }) == EPERM);
    CHECK(Under(filter, [] { return ErrnoOfCall(SYS_dup2, 2, 8); }) == 0);
  }

  TEST_CASE("unknown actions, operators, flags and architectures are named") {
    oci::Seccomp profile;
    CHECK(CompileSeccomp(profile, "").status().code() == absl::StatusCode::kInvalidArgument);
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.flags = {"X"};
    CHECK(CompileSeccomp(profile, "").status().message() == "seccomp flag 'X': unknown");
    profile.flags.clear();
    profile.architectures = {"SCMP_ARCH_VAX"};
    CHECK(CompileSeccomp(profile, "").status().message() == "seccomp architecture 'SCMP_ARCH_VAX': unknown");
    profile.architectures.clear();
    profile.syscalls.push_back(Rule({"dup"}, "SCMP_ACT_ERRNO"));
    profile.syscalls[0].args.push_back({.index = 0, .value = 0, .value_two = 0, .op = "LIKE"});
    CHECK(CompileSeccomp(profile, "").status().message() == "seccomp operator 'LIKE': unknown");
  }

  TEST_CASE("a notify rule gives a listener") {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.syscalls.push_back(Rule({"getpgrp"}, "SCMP_ACT_NOTIFY"));
    const SeccompFilter filter = CompileSeccomp(profile, "").value();
    CHECK(filter.has_notify);
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      int listener = -1;
      const int error = InstallSeccomp(filter, &listener);
      _exit(error == 0 && listener >= 0 && fcntl(listener, F_GETFD) == FD_CLOEXEC ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK(status == 0);
  }

  TEST_CASE("the cache gives back the same program, and a damaged entry is replaced") {
    char dir[] = "/tmp/coracle-seccomp-XXXXXX";
    REQUIRE(mkdtemp(dir) != nullptr);
    const absl::Cleanup remove = [&] { (void)os::RemoveTreeAt(AT_FDCWD, dir); };
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.syscalls.push_back(Rule({"exit_group", "getuid"}, "SCMP_ACT_ALLOW"));
    const auto same = [](const SeccompFilter& a, const SeccompFilter& b) {
      return a.flags == b.flags && a.has_notify == b.has_notify && a.program.size() == b.program.size() &&
             memcmp(a.program.data(), b.program.data(), a.program.size() * sizeof(sock_filter)) == 0;
    };
    const SeccompFilter cold = CompileSeccomp(profile, dir).value();
    std::vector<std::string> names = os::ListDirectoryAt(AT_FDCWD, dir).value();
    REQUIRE(names.size() == 1);
    const std::string entry = std::string(dir) + "/" + names[0];
    struct stat info;
    REQUIRE(stat(entry.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(same(cold, CompileSeccomp(profile, dir).value()));

    // One changed instruction must not be run.
    std::string bytes = os::ReadFileAt(AT_FDCWD, entry).value();
    const std::string good = bytes;
    bytes[bytes.size() - 1] ^= 1;
    REQUIRE(os::WriteFileAt(AT_FDCWD, entry, bytes).ok());
    CHECK(same(cold, CompileSeccomp(profile, dir).value()));
    CHECK(os::ReadFileAt(AT_FDCWD, entry).value() == good);

    // One that others may write is not trusted either.
    CHECK_FALSE(CachedSeccomp(dir, "k").has_value());
    CHECK(same(cold, CompileSeccompAs(profile, dir, "k").value()));
    REQUIRE(CachedSeccomp(dir, "k").has_value());
    CHECK_FALSE(CachedSeccomp(dir, "k2").has_value());
    names = os::ListDirectoryAt(AT_FDCWD, dir).value();
    for (const std::string& name : names) {
      REQUIRE(chmod((std::string(dir) + "/" + name).c_str(), 0666) == 0);
    }
    CHECK_FALSE(CachedSeccomp(dir, "k").has_value());
  }

  TEST_CASE("two profiles never share an entry") {
    char dir[] = "/tmp/coracle-seccomp-XXXXXX";
    REQUIRE(mkdtemp(dir) != nullptr);
    const absl::Cleanup remove = [&] { (void)os::RemoveTreeAt(AT_FDCWD, dir); };
    oci::Seccomp a, b;
    a.default_action = b.default_action = "SCMP_ACT_ALLOW";
    a.syscalls.push_back(Rule({"getppid", "getuid"}, "SCMP_ACT_ERRNO"));
    b.syscalls.push_back(Rule({"getppid"}, "SCMP_ACT_ERRNO"));
    b.syscalls.push_back(Rule({"getuid"}, "SCMP_ACT_KILL"));
    REQUIRE(CompileSeccomp(a, dir).ok());
    REQUIRE(CompileSeccomp(b, dir).ok());
    CHECK(os::ListDirectoryAt(AT_FDCWD, dir).value().size() == 2);
  }
}
}  // namespace coracle::runtime
