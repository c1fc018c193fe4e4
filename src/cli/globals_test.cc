#include "cli/globals.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "doctest/doctest.h"

namespace coracle::cli {
namespace {

absl::StatusOr<Globals> Resolve(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  const ParseResult result = Parse(kRootCommand, words);
  REQUIRE_MESSAGE(result.status.ok(), result.status.message());
  return ResolveGlobals(result.parsed);
}

// A user of this run's own, since the name in /tmp depends on it.
uid_t TestUser() {
  static const uid_t user = 1000000 + static_cast<uid_t>(getpid());
  return user;
}
std::string PrivateDirectory() { return absl::StrCat("/tmp/coracle-run-", TestUser()); }

// Runs `body` in a child as that user with no environment; true if it returned true.
template <typename Body>
bool AsUser(Body body) {
  const uid_t user = TestUser();
  const pid_t pid = fork();
  if (pid == 0) {
    clearenv();
    if (setgid(user) != 0 || setuid(user) != 0) _exit(2);
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_SUITE("cli/globals") {
  TEST_CASE("options win over defaults and are made absolute") {
    const auto globals = Resolve("--root /r --runroot rr --tmpdir /t --storage-driver vfs ps");
    REQUIRE(globals.ok());
    CHECK(globals->root == "/r");
    CHECK(globals->runroot[0] == '/');
    CHECK(globals->runroot.substr(globals->runroot.size() - 3) == "/rr");
    CHECK(globals->tmpdir == "/t");
    CHECK(globals->storage_driver == "vfs");
    CHECK(globals->log_level == "warn");
    CHECK(Resolve("-D --root /r --runroot /r ps")->log_level == "debug");
  }
  TEST_CASE("an unknown log level or cgroup manager is refused with the known ones") {
    CHECK(Resolve("--root /r --runroot /r --log-level loud ps").status().message() ==
          "--log-level loud: use trace|debug|info|warn|warning|error|fatal|panic");
    CHECK(Resolve("--root /r --runroot /r --cgroup-manager x ps").status().message() ==
          "--cgroup-manager x: use cgroupfs|systemd");
  }
  TEST_CASE("root's store is the machine's") {
    if (geteuid() != 0) {
      MESSAGE("skipped: needs root");
      return;
    }
    const auto globals = Resolve("ps");
    REQUIRE(globals.ok());
    CHECK(globals->root == "/var/lib/coracle");
    CHECK(globals->runroot == "/run/coracle");
    CHECK_FALSE(globals->rootless);
  }
  TEST_CASE("a user's store is below home, the state below a directory that is the user's own") {
    if (geteuid() != 0) {
      MESSAGE("skipped: needs root to become another user");
      return;
    }
    char dir[] = "/tmp/globals_test.XXXXXX";
    REQUIRE(mkdtemp(dir) != nullptr);
    const std::string in_tmp = PrivateDirectory();
    REQUIRE(chown(dir, TestUser(), TestUser()) == 0);
    CHECK(AsUser([&] {
      setenv("HOME", "/h", 1);
      setenv("XDG_RUNTIME_DIR", dir, 1);
      const auto globals = Resolve("ps");
      return globals.ok() && globals->rootless && globals->root == "/h/.local/share/coracle" &&
             globals->runroot == absl::StrCat(dir, "/coracle");
    }));
    CHECK(AsUser([&] {
      setenv("XDG_DATA_HOME", "/data", 1);
      setenv("XDG_RUNTIME_DIR", "/root", 1);  // of somebody else: not used
      const auto globals = Resolve("ps");
      return globals.ok() && globals->root == "/data/coracle" && globals->runroot == in_tmp;
    }));
    struct stat st;
    REQUIRE(lstat(in_tmp.c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0700);
    CHECK(st.st_uid == TestUser());
    REQUIRE(chmod(in_tmp.c_str(), 0755) == 0);
    CHECK(AsUser([] {
      setenv("HOME", "/h", 1);
      return absl::IsFailedPrecondition(Resolve("ps").status());
    }));
    CHECK(AsUser([] { return absl::IsFailedPrecondition(Resolve("--runroot /r ps").status()); }));  // no HOME
    rmdir(in_tmp.c_str());
    rmdir(dir);
  }
}

}  // namespace
}  // namespace coracle::cli
