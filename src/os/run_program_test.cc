#include "os/run_program.h"

#include <signal.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "doctest/doctest.h"

namespace coracle::os {
namespace {

absl::StatusOr<ProgramResult> Shell(const std::string& script, absl::string_view input = "",
                                    absl::Duration timeout = absl::Seconds(20), size_t max_output = 1 << 20) {
  signal(SIGPIPE, SIG_IGN);  // as the main function has it
  const std::string args[] = {"sh", "-c", script};
  return RunProgram("/bin/sh", args, input, timeout, max_output);
}

TEST_SUITE("os/run_program") {
  TEST_CASE("input goes in, output and exit code come out") {
    const auto result = Shell("cat; exit 3", "hello");
    REQUIRE(result.ok());
    CHECK(result->output == "hello");
    CHECK(result->exit.Code() == 3);
  }

  TEST_CASE("more than a pipe holds goes through both ways") {
    const std::string much(300000, 'x');
    const auto result = Shell("cat", much);
    REQUIRE(result.ok());
    CHECK(result->output == much);
  }

  TEST_CASE("a program that does not read its input, or closes its output early, is no error") {
    const auto deaf = Shell("exit 0", std::string(300000, 'x'));
    REQUIRE(deaf.ok());
    CHECK(deaf->exit.Code() == 0);
    const auto mute = Shell("exec >&-; sleep 0.05; exit 4");
    REQUIRE(mute.ok());
    CHECK(mute->exit.Code() == 4);
  }

  TEST_CASE("a process that it leaves behind holds nobody up") {
    const absl::Time start = absl::Now();
    const auto result = Shell("sleep 5 & echo done; echo $!");
    REQUIRE(result.ok());
    CHECK(absl::Now() - start < absl::Seconds(4));
    REQUIRE(result->output.substr(0, 5) == "done\n");
    kill(std::stoi(result->output.substr(5)), SIGKILL);
  }

  TEST_CASE("it is killed when its time or its output is used up") {
    CHECK(absl::IsDeadlineExceeded(Shell("sleep 20", "", absl::Milliseconds(100)).status()));
    CHECK(absl::IsDeadlineExceeded(Shell("exec >&-; sleep 20", "", absl::Milliseconds(100)).status()));
    CHECK(absl::IsResourceExhausted(Shell("yes", "", absl::Seconds(20), 1000).status()));
  }

  TEST_CASE("no descriptor but the first three is passed on, and SIGPIPE is as usual") {
    const int extra = dup(STDERR_FILENO);
    const auto result = Shell("ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status");
    close(extra);
    REQUIRE(result.ok());
    // 0, 1, 2 and the directory that ls reads.
    CHECK(result->output.substr(0, 2) == "4\n");
  }

  TEST_CASE("what is not there is not started") {
    const std::string args[] = {"x"};
    CHECK(absl::IsNotFound(RunProgram("/nonexistent/x", args, "", absl::Seconds(1), 1).status()));
    CHECK(FindInPath("sh").ends_with("/sh"));
    CHECK(FindInPath("no-such-program-at-all").empty());
  }
}

}  // namespace
}  // namespace coracle::os
