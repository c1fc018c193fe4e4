#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctest/doctest.h"
#include "store/test_store.h"

namespace coracle::store {

TEST_SUITE("store/file_lock") {
  TEST_CASE("one at a time, within and between processes") {
    const TestStore store;
    const std::string path = store.base() + "/lock";
    CHECK_FALSE(FileLock::IsHeld(path));
    {
      const auto lock = FileLock::Acquire(path, "test");
      REQUIRE(lock.ok());
      CHECK(FileLock::IsHeld(path));
      CHECK(absl::IsFailedPrecondition(FileLock::Try(path).status()));
      CHECK(InChild([&] { return FileLock::Try(path).ok() ? 1 : 0; }) == 0);
    }
    CHECK_FALSE(FileLock::IsHeld(path));
    CHECK(FileLock::Try(path).ok());
  }

  TEST_CASE("a child keeps what its parent let go, until it dies") {
    const TestStore store;
    const std::string path = store.base() + "/lock";
    pid_t child = -1;
    {
      const auto lock = FileLock::Acquire(path, "test");
      REQUIRE(lock.ok());
      child = fork();
      if (child == 0) {
        pause();
        _exit(0);
      }
    }
    CHECK(FileLock::IsHeld(path));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK_FALSE(FileLock::IsHeld(path));
  }

  TEST_CASE("a waiter of a removed lock file takes the one that is there now") {
    const TestStore store;
    const std::string path = store.base() + "/lock";
    auto lock = FileLock::Acquire(path, "test");
    REQUIRE(lock.ok());
    const pid_t child = fork();
    if (child == 0) {
      close(lock->fd());  // or it would wait for its own copy
      _exit(FileLock::Acquire(path, "test").ok() && os::ExistsAt(AT_FDCWD, path) ? 0 : 1);
    }
    usleep(50000);
    REQUIRE(unlink(path.c_str()) == 0);
    lock = absl::InternalError("released");
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(os::ExistsAt(AT_FDCWD, path));
  }

  TEST_CASE("who waits longer than a second says for whom") {
    const TestStore store;
    const std::string path = store.base() + "/lock";
    auto lock = FileLock::Acquire(path, "test");
    REQUIRE(lock.ok());
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
      close(lock->fd());
      dup2(ends[1], STDERR_FILENO);
      const bool ok = FileLock::Acquire(path, "container x").ok();
      struct sigaction after = {};
      sigaction(SIGALRM, nullptr, &after);
      _exit(ok && after.sa_handler == SIG_DFL ? 0 : 1);
    }
    close(ends[1]);
    char text[4096] = {};
    REQUIRE(read(ends[0], text, sizeof(text) - 1) > 0);
    const std::string line = text;
    CHECK(line.find("waiting for container x, held by pid " + std::to_string(getpid()) + " (") == 0);
    CHECK(line.back() == '\n');
    lock = absl::InternalError("released");
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    close(ends[0]);
  }
}

}  // namespace coracle::store
