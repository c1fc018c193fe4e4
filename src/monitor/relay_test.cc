#include "monitor/relay.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "doctest/doctest.h"
#include "monitor/attach_client.h"
#include "monitor/test_util.h"

namespace coracle::monitor {
namespace {

// A plain process in a container's place, with the relay in this thread and the client in another.
struct Fixture {
  TestDir dir;
  std::unique_ptr<Relay> relay;
  os::UniqueFd client_end;
  pid_t pid = -1;
  std::vector<int> signals;

  explicit Fixture(const char* script) {
    signal(SIGPIPE, SIG_IGN);  // as a monitor has it caught
    store::LogConfig config;
    config.set_driver("k8s-file");
    config.set_path(dir.Path("log"));
    RelayHooks hooks;
    hooks.signal = [this](int signal) {
      signals.push_back(signal);
      kill(pid, signal);
    };
    relay = std::make_unique<Relay>(LogWriter::Open(config).value(), os::UniqueFd(), hooks);
    int in[2], out[2], err[2], pair[2], gate[2];
    REQUIRE(pipe2(gate, O_CLOEXEC) == 0);
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(pipe2(err, O_CLOEXEC) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    pid = fork();
    if (pid == 0) {
      signal(SIGPIPE, SIG_DFL);
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(err[1], 2);
      execl("/bin/sh", "sh", "-c", script, nullptr);
      _exit(127);
    }
    close(gate[1]);
    char byte;
    CHECK(read(gate[0], &byte, 1) == 0);  // its end: the program runs, with signals at their defaults
    close(gate[0]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    ContainerStdio stdio;
    stdio.in.Reset(in[1]);
    stdio.out.Reset(out[0]);
    stdio.err.Reset(err[0]);
    relay->SetStdio(std::move(stdio), /*stdin_once=*/true);
    relay->AddClient(os::UniqueFd(pair[0]), /*foreground=*/true, /*input=*/true);
    client_end.Reset(pair[1]);
  }
  void Round(int timeout) {
    std::vector<pollfd> polls;
    relay->Prepare(&polls, &timeout);
    poll(polls.data(), polls.size(), timeout);
    relay->Dispatch(polls.data(), polls.size());
  }
  int Serve() {
    while (!relay->OutputEnded()) Round(-1);
    int status = 0;
    waitpid(pid, &status, 0);
    relay->CloseStdio();
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    relay->SendExit(code);
    relay->FlushClients();
    return code;
  }
};

AttachOptions Files(const TestDir& dir, int in) {
  AttachOptions options;
  options.in = in >= 0;
  options.in_fd = in;
  options.sig_proxy = false;
  options.out_fd = open(dir.Path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  options.err_fd = open(dir.Path("err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  return options;
}

TEST_SUITE("monitor/relay") {
  TEST_CASE("both streams and the exit code reach the client and the log") {
    Fixture fixture("echo out; echo err >&2; exit 7");
    AttachOptions options = Files(fixture.dir, -1);
    absl::StatusOr<AttachResult> result = absl::UnknownError("not run");
    std::thread client([&] { result = RunAttach(fixture.client_end, options); });
    CHECK(fixture.Serve() == 7);
    client.join();
    REQUIRE(result.ok());
    CHECK(result->exit_code == 7);
    CHECK_FALSE(result->detached);
    CHECK(fixture.dir.Read("out") == "out\n");
    CHECK(fixture.dir.Read("err") == "err\n");
    CHECK(fixture.dir.Read("log").find(" stdout F out\n") != std::string::npos);
    CHECK(fixture.dir.Read("log").find(" stderr F err\n") != std::string::npos);
  }
  TEST_CASE("input beyond every buffer goes through and its end is passed on") {
    Fixture fixture("sleep 0.2; cksum");
    int in[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    std::thread feeder([&] {
      const std::string block(1 << 20, 'z');
      for (int i = 0; i < 3; ++i) (void)os::WriteAll(in[1], block);
      close(in[1]);
    });
    AttachOptions options = Files(fixture.dir, in[0]);
    std::thread client([&] { CHECK(RunAttach(fixture.client_end, options)->exit_code == 0); });
    CHECK(fixture.Serve() == 0);
    client.join();
    feeder.join();
    CHECK(fixture.dir.Read("out").find(" 3145728\n") != std::string::npos);
  }
  TEST_CASE("a client that does not read makes the container wait and loses nothing") {
    Fixture fixture("head -c 8000000 /dev/zero; echo done");
    for (int i = 0; i < 200; ++i) fixture.Round(5);
    CHECK_FALSE(fixture.relay->OutputEnded());
    AttachOptions options = Files(fixture.dir, -1);
    std::thread client([&] { CHECK(RunAttach(fixture.client_end, options)->exit_code == 0); });
    CHECK(fixture.Serve() == 0);
    client.join();
    CHECK(fixture.dir.Read("out").size() == 8000005);
  }
  TEST_CASE("a client that goes away is dropped and the container goes on") {
    Fixture fixture("head -c 8000000 /dev/zero; exit 3");
    for (int i = 0; i < 50; ++i) fixture.Round(5);
    fixture.client_end.Reset();
    CHECK(fixture.Serve() == 3);
    CHECK(fixture.relay->clients() == 0);
  }
  TEST_CASE("hostile frames end the connection only") {
    Fixture fixture("cat >/dev/null; exit 0");
    CHECK(os::WriteAll(fixture.client_end.get(), "\xff\xff\xff\xff\xff").ok());
    CHECK(fixture.Serve() == 0);  // the lost client counts as the end of input
    CHECK(fixture.relay->clients() == 0);
  }
  TEST_CASE("a signal frame reaches the process even when its input is stuck") {
    Fixture fixture("exec sleep 100");
    CHECK(os::WriteAll(fixture.client_end.get(), EncodeFrame(FrameType::kInput, std::string(200000, 'i')))
              .ok());
    CHECK(os::WriteAll(fixture.client_end.get(), EncodeFrame(FrameType::kSignal, "\x08\x0f")).ok());
    CHECK(fixture.Serve() == 128 + SIGTERM);
    CHECK(fixture.signals == std::vector<int>{SIGTERM});
  }
}

}  // namespace
}  // namespace coracle::monitor
