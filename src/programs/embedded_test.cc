#include "programs/embedded.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "doctest/doctest.h"

namespace coracle {
namespace {

constexpr size_t kMaxProgramSize = 16 << 10;

// A program started from memory, its stdout and stderr in one pipe.
class Running {
 public:
  // `in_child` runs after fork, before exec.
  Running(
      absl::string_view program, std::vector<std::string> args,
      const std::function<void()>& in_child = [] {}) {
    int pipe_fds[2];
    REQUIRE(pipe2(pipe_fds, O_CLOEXEC) == 0);
    int program_fd = memfd_create("program", MFD_CLOEXEC);
    REQUIRE(program_fd >= 0);
    REQUIRE(write(program_fd, program.data(), program.size()) == static_cast<ssize_t>(program.size()));
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      // What is started in the background or by nohup ignores some, and a shell can't trap what it ignored at
      // first.
      for (const int ignored : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE}) signal(ignored, SIG_DFL);
      dup2(pipe_fds[1], 1);
      dup2(pipe_fds[1], 2);
      in_child();
      std::vector<char*> argv;
      for (std::string& arg : args) argv.push_back(arg.data());
      argv.push_back(nullptr);
      fexecve(program_fd, argv.data(), environ);
      _exit(99);
    }
    close(program_fd);
    close(pipe_fds[1]);
    output_fd_ = pipe_fds[0];
  }
  ~Running() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(output_fd_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const { REQUIRE(kill(pid_, signal) == 0); }
  std::string ReadLine() const {
    std::string line;
    char c;
    while (read(output_fd_, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  std::string ReadRest() const {
    std::string text;
    char buffer[512];
    ssize_t n;
    while ((n = read(output_fd_, buffer, sizeof buffer)) > 0) text.append(buffer, n);
    return text;
  }
  // The exit code; 1000 + signal if one killed the program itself, so that neither looks like the other.
  int Wait() {
    int status = 0;
    REQUIRE(waitpid(pid_, &status, 0) == pid_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int output_fd_ = -1;
};

Running Shell(const std::string& script) {
  return Running(InitProgram(), {"init", "--", "sh", "-c", script});
}

// Whether `condition` came true within five seconds.
bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; i++) {
    if (condition()) return true;
    const timespec pause = {0, 10'000'000};
    nanosleep(&pause, nullptr);
  }
  return false;
}

// Fields 3 and on of /proc/PID/stat; empty if there is no such process.
std::vector<std::string> StatFields(pid_t pid) {
  FILE* file = fopen(absl::StrCat("/proc/", pid, "/stat").c_str(), "re");
  if (file == nullptr) return {};
  char text[1024];
  const size_t n = fread(text, 1, sizeof text, file);
  fclose(file);
  const absl::string_view line(text, n);
  return absl::StrSplit(line.substr(line.rfind(')') + 2), ' ');
}

pid_t ParentOf(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  return fields.size() > 1 ? atoi(fields[1].c_str()) : -1;
}

TEST_SUITE("programs/embedded") {
  TEST_CASE("each program is a small static executable with no interpreter") {
    for (absl::string_view program : {HelloProgram(), InitProgram(), PauseProgram()}) {
      REQUIRE(program.size() > sizeof(Elf64_Ehdr));
      CHECK(program.size() < kMaxProgramSize);
      Elf64_Ehdr header;
      memcpy(&header, program.data(), sizeof header);
      CHECK(memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
      CHECK(header.e_type == ET_EXEC);
      REQUIRE(header.e_phoff + header.e_phnum * sizeof(Elf64_Phdr) <= program.size());
      for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, program.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        CHECK(segment.p_type != PT_INTERP);
        CHECK(segment.p_type != PT_DYNAMIC);
        if (segment.p_type == PT_GNU_STACK) CHECK((segment.p_flags & PF_X) == 0);
      }
    }
  }

  TEST_CASE("hello says who and where it is and what to try next") {
    Running hello(HelloProgram(), {"hello"});
    const pid_t pid = hello.pid();
    const std::string text = hello.ReadRest();
    CHECK(hello.Wait() == 0);
    char host[256] = {};
    REQUIRE(gethostname(host, sizeof host - 1) == 0);
    for (const std::string& part :
         {absl::StrCat("process ", pid, " "), absl::StrCat("user id ", getuid(), "."),
          absl::StrCat("is ", host, ","), std::string("coracle info"),
          std::string("coracle import debian.tar debian"), std::string("coracle run --rm -it debian bash")}) {
      CHECK_MESSAGE(text.find(part) != std::string::npos, part, " is not in: ", text);
    }
  }

  TEST_CASE("hello with a closed standard output ends all the same") {
    Running hello(HelloProgram(), {"hello"}, [] { close(1); });
    CHECK(hello.Wait() == 0);
  }

  TEST_CASE("init ends with its command's status") {
    CHECK(Shell("exit 0").Wait() == 0);
    CHECK(Shell("exit 7").Wait() == 7);
    CHECK(Shell("kill -KILL $$").Wait() == 128 + SIGKILL);
    CHECK(Shell("kill -TERM $$").Wait() == 128 + SIGTERM);
  }

  TEST_CASE("init says what it cannot execute, with the shell's exit codes") {
    Running missing(InitProgram(), {"init", "--", "no-such-command-here"});
    CHECK(missing.ReadRest() == "init: exec no-such-command-here: No such file or directory\n");
    CHECK(missing.Wait() == 127);
    Running missing_path(InitProgram(), {"init", "--", "/no/such"});
    CHECK(missing_path.ReadRest() == "init: exec /no/such: No such file or directory\n");
    CHECK(missing_path.Wait() == 127);
    Running no_program(InitProgram(), {"init", "--", "/etc/passwd"});
    CHECK(no_program.ReadRest() == "init: exec /etc/passwd: Permission denied\n");
    CHECK(no_program.Wait() == 126);
    Running directory(InitProgram(), {"init", "--", "/"});
    CHECK(directory.ReadRest() == "init: exec /: Permission denied\n");
    CHECK(directory.Wait() == 126);
    Running no_name(InitProgram(), {"init", "--", ""});
    CHECK(no_name.Wait() == 127);
  }

  TEST_CASE("init looks its command up in PATH and passes the environment on") {
    Running found(InitProgram(), {"init", "--", "sh", "-c", "echo $GREETING"}, [] {
      setenv("PATH", "/no/such:/etc/passwd:/usr/bin:/bin", 1);
      setenv("GREETING", "ahoy", 1);
    });
    CHECK(found.ReadRest() == "ahoy\n");
    CHECK(found.Wait() == 0);
    Running without_path(InitProgram(), {"init", "--", "sh", "-c", "exit 5"}, [] { unsetenv("PATH"); });
    CHECK(without_path.Wait() == 5);
    Running elsewhere(InitProgram(), {"init", "--", "sh", "-c", "exit 5"}, [] { setenv("PATH", "/etc", 1); });
    CHECK(elsewhere.Wait() == 127);
  }

  TEST_CASE("init without a command is a usage error") {
    for (const std::vector<std::string>& args :
         {std::vector<std::string>{"init"}, {"init", "--"}, {"init", "sh", "-c", "exit 0"}}) {
      Running init(InitProgram(), args);
      CHECK(init.ReadRest() == "usage: init -- COMMAND [ARG...]\n");
      CHECK(init.Wait() == 125);
    }
  }

  TEST_CASE("init passes signals on to its command") {
    Running trapping = Shell("trap 'exit 42' TERM; echo ready; while :; do sleep 0.02; done");
    CHECK(trapping.ReadLine() == "ready");
    trapping.Signal(SIGTERM);
    CHECK(trapping.Wait() == 42);
    Running counting = Shell(
        "trap 'echo hup' HUP; trap 'echo usr1' USR1; trap 'echo rt' 40; trap 'exit 3' QUIT; echo ready;"
        "while :; do sleep 0.02; done");
    CHECK(counting.ReadLine() == "ready");
    counting.Signal(SIGHUP);
    CHECK(counting.ReadLine() == "hup");
    counting.Signal(SIGUSR1);
    CHECK(counting.ReadLine() == "usr1");
    counting.Signal(SIGQUIT);
    CHECK(counting.Wait() == 3);
    Running plain = Shell("echo ready; exec sleep 1000");
    CHECK(plain.ReadLine() == "ready");
    plain.Signal(SIGTERM);
    CHECK(plain.Wait() == 128 + SIGTERM);
  }

  TEST_CASE("the command starts with the signal mask and dispositions that init was started with") {
    // grep and no shell between: a shell changes both.
    Running init(InitProgram(), {"init", "--", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}, [] {
      for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
      signal(SIGCHLD, SIG_IGN);
      sigset_t blocked;
      sigemptyset(&blocked);
      sigaddset(&blocked, SIGUSR2);
      sigprocmask(SIG_SETMASK, &blocked, nullptr);
    });
    CHECK(init.ReadLine() == "SigBlk:\t0000000000000800");
    CHECK(init.ReadLine() == "SigIgn:\t0000000000010000");
    CHECK(init.Wait() == 0);
  }

  TEST_CASE("init reaps orphans while its command runs on") {
    Running init = Shell("(sh -c 'echo $$; exec sleep 1000' & ) ; exec sleep 1000");
    const pid_t orphan = atoi(init.ReadLine().c_str());
    REQUIRE(orphan > 1);
    REQUIRE(Eventually([&] { return ParentOf(orphan) == init.pid(); }));
    REQUIRE(kill(orphan, SIGKILL) == 0);
    // A zombie would still be there.
    CHECK(Eventually([&] { return StatFields(orphan).empty(); }));
    init.Signal(SIGTERM);
    CHECK(init.Wait() == 128 + SIGTERM);
  }

  TEST_CASE("the command of init is the terminal's foreground group") {
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(terminal >= 0);
    REQUIRE(grantpt(terminal) == 0);
    REQUIRE(unlockpt(terminal) == 0);
    const std::string name = ptsname(terminal);
    // Fields 5 and 8 of /proc/PID/stat: process group, and foreground group of its terminal.
    Running init(InitProgram(),
                 {"init", "--", "sh", "-c", "read -r p c s pp g ss t fg rest </proc/$$/stat; echo $g $fg $$"},
                 [&] {
                   setsid();
                   const int fd = open(name.c_str(), O_RDWR);
                   ioctl(fd, TIOCSCTTY, 0);
                   dup2(fd, 0);
                 });
    const std::vector<std::string> ids =
        absl::StrSplit(init.ReadRest(), absl::ByAnyChar(" \n"), absl::SkipEmpty());
    REQUIRE(ids.size() == 3);
    CHECK(ids[0] == ids[2]);
    CHECK(ids[1] == ids[2]);
    CHECK(init.Wait() == 0);
    close(terminal);
  }

  TEST_CASE("pause waits, ignores other signals, and ends on SIGTERM or SIGINT") {
    for (const int ending : {SIGTERM, SIGINT}) {
      Running pause(PauseProgram(), {"pause"});
      // Asleep in rt_sigtimedwait, so with all signals blocked.
      REQUIRE(
          Eventually([&] { return !StatFields(pause.pid()).empty() && StatFields(pause.pid())[0] == "S"; }));
      pause.Signal(SIGHUP);
      pause.Signal(SIGUSR1);
      CHECK(waitpid(pause.pid(), nullptr, WNOHANG) == 0);
      pause.Signal(ending);
      CHECK(pause.Wait() == 0);
    }
  }
}

}  // namespace
}  // namespace coracle
