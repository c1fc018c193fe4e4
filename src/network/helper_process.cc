#include "network/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"

namespace coracle::network {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

struct Pipe {
  os::UniqueFd read_end, write_end;
};

absl::StatusOr<Pipe> MakePipe(int flags) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | flags) != 0) return ErrnoStatus(errno, "pipe");
  return Pipe{os::UniqueFd(ends[0]), os::UniqueFd(ends[1])};
}

struct ChildFds {
  int input, output, errors, netns;
  const char* directory;  // empty: the one it has
};

// What is ignored stays ignored across exec, and pasta refuses to start where SIGPIPE is.
void ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    (void)sigaction(signal, &action, nullptr);  // SIGKILL and SIGSTOP can't be changed
  }
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void ExecHelper(const ChildFds& fds, pid_t parent, const char* path, char* const* argv) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(127);
  if (*fds.directory != '\0' && chdir(fds.directory) != 0) _exit(127);
  ResetSignals();
  // The lowest ones may be in the way of each other: first all out of the way.
  const int input = fcntl(fds.input, F_DUPFD, 10), output = fcntl(fds.output, F_DUPFD, 10);
  const int errors = fcntl(fds.errors, F_DUPFD, 10), netns = fcntl(fds.netns, F_DUPFD, 10);
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0 || dup2(netns, 3) < 0) _exit(127);
  if (os::SetCloseOnExecFrom(4) != 0) _exit(127);
  static char* const no_environment[] = {nullptr};
  execve(path, argv, no_environment);
  _exit(127);
}

// The last line of what it said that is about its end.
std::string LastWords(int errors) {
  char buffer[8192];
  const ssize_t got = read(errors, buffer, sizeof(buffer));
  std::string last;
  if (got <= 0) return last;
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(buffer, static_cast<size_t>(got)), '\n', absl::SkipWhitespace())) {
    // pasta complains where there is no system logger.
    if (!absl::StrContains(line, "to syslog")) last = std::string(absl::StripAsciiWhitespace(line));
  }
  return last;
}

// True if it said that it is ready, false if it ended.
absl::StatusOr<bool> AwaitReady(int output, int pidfd) {
  const absl::Time deadline = absl::Now() + kPatience;
  for (;;) {
    pollfd fds[] = {{output, POLLIN, 0}, {pidfd, POLLIN, 0}};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) return absl::DeadlineExceededError("not ready after ten seconds");
    const int ready = poll(fds, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (ready <= 0) continue;
    char byte;
    if ((fds[0].revents & POLLIN) != 0 && read(output, &byte, 1) == 1) return true;
    if (fds[1].revents != 0) return false;
    if (fds[0].revents != 0) return false;  // closed without a word
  }
}

}  // namespace

absl::StatusOr<HelperProcess> StartHelper(const std::string& path, std::vector<std::string> args, int netns,
                                          const std::string& directory) {
  const std::string name = args[0];
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  ASSIGN_OR_RETURN(Pipe input, MakePipe(0));
  ASSIGN_OR_RETURN(Pipe output, MakePipe(0));
  // Nobody reads what it says later: a full pipe must not stop it.
  ASSIGN_OR_RETURN(Pipe errors, MakePipe(O_NONBLOCK));
  const pid_t parent = getpid();
  os::CloneResult clone;
  const int result = os::CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("start ", name));
  if (clone.pid == 0) {
    ExecHelper(
        {input.read_end.get(), output.write_end.get(), errors.write_end.get(), netns, directory.c_str()},
        parent, path.c_str(), argv.data());
  }
  HelperProcess helper;
  helper.child = os::ChildProcess(clone.pid, os::UniqueFd(clone.pidfd));
  output.write_end.Reset();
  errors.write_end.Reset();
  ASSIGN_OR_RETURN(const bool ready, AwaitReady(output.read_end.get(), helper.child.pidfd()), name);
  if (!ready) {
    helper.child.KillAndReap();
    const std::string words = LastWords(errors.read_end.get());
    return absl::FailedPreconditionError(absl::StrCat(name, ": ", words.empty() ? "ended at once" : words));
  }
  helper.input = std::move(input.write_end);
  helper.errors = std::move(errors.read_end);
  return helper;
}

}  // namespace coracle::network
