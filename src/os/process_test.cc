#include "os/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "doctest/doctest.h"
#include "os/overlay_mount.h"

namespace coracle::os {

TEST_SUITE("os/overlay_mount") {
  TEST_CASE("an overlay without layers, or with too many, is refused before the kernel is asked") {
    CHECK(MakeOverlay({}).status().code() == absl::StatusCode::kInvalidArgument);
    OverlayOptions options;
    for (size_t i = 0; i <= kMaxOverlayLayers; ++i) options.lower.push_back(absl::StrCat("/tmp/", i));
    CHECK(MakeOverlay(options).status().code() == absl::StatusCode::kInvalidArgument);
    options.lower = {"/tmp"};
    options.upper = "/tmp/x";
    CHECK(MakeOverlay(options).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_SUITE("os/process") {
  TEST_CASE("a child's exit code and its signal are told apart") {
    CloneResult clone;
    REQUIRE(CloneProcess({}, &clone) == 0);
    if (clone.pid == 0) _exit(42);
    ChildProcess child(clone.pid, UniqueFd(clone.pidfd));
    auto status = child.Wait();
    REQUIRE(status.ok());
    CHECK(status->Code() == 42);
    CHECK_FALSE(child.running());
    REQUIRE(CloneProcess({}, &clone) == 0);
    if (clone.pid == 0) {
      for (;;) pause();
    }
    child = ChildProcess(clone.pid, UniqueFd(clone.pidfd));
    REQUIRE(SendSignal(child.pidfd(), SIGKILL).ok());
    CHECK(child.Wait()->Code() == 137);
  }

  TEST_CASE("a child that is given up by its owner is killed and reaped") {
    CloneResult clone;
    REQUIRE(CloneProcess({}, &clone) == 0);
    if (clone.pid == 0) {
      for (;;) pause();
    }
    { ChildProcess child(clone.pid, UniqueFd(clone.pidfd)); }
    CHECK(waitpid(clone.pid, nullptr, WNOHANG) == -1);
    CHECK(OpenPidfd(clone.pid).status().code() == absl::StatusCode::kNotFound);
  }

  TEST_CASE("a start time names a process") {
    const auto own = StartTimeOf(getpid());
    REQUIRE(own.ok());
    CHECK(*own > 0);
    CHECK(*StartTimeOf(getpid()) == *own);
    CHECK(StartTimeOf(1 << 30).status().code() == absl::StatusCode::kNotFound);
  }

  TEST_CASE("every descriptor from a number on becomes close-on-exec") {
    const int low = fcntl(0, F_DUPFD, 50), high = fcntl(0, F_DUPFD, 60);
    REQUIRE(low >= 50);
    REQUIRE(SetCloseOnExecFrom(high) == 0);
    CHECK((fcntl(low, F_GETFD) & FD_CLOEXEC) == 0);
    CHECK((fcntl(high, F_GETFD) & FD_CLOEXEC) != 0);
    close(low);
    close(high);
  }
}

}  // namespace coracle::os
