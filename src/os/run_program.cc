#include "os/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/status.h"

namespace coracle::os {
namespace {

constexpr char kUsualPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Pipe {
  UniqueFd read_end, write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The child, up to exec. What it can't do is told by its exit code: 127 is not mistaken for the program's
// own, since `path` was looked at before.
[[noreturn]] void Exec(int input, int output, const char* path, char* const* argv) {
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) _exit(127);
  if (SetCloseOnExecFrom(STDERR_FILENO + 1) != 0) _exit(127);
  execve(path, argv, environ);
  _exit(127);
}

absl::StatusOr<ChildProcess> Start(const std::string& path, absl::Span<const std::string> args, int input,
                                   int output) {
  if (access(path.c_str(), X_OK) != 0) return ErrnoStatus(errno, absl::StrCat("execute ", path));
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  CloneResult clone;
  const int result = CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, absl::StrCat("start ", path));
  if (clone.pid == 0) Exec(input, output, path.c_str(), argv.data());
  return ChildProcess(clone.pid, UniqueFd(clone.pidfd));
}

// Feeds and drains the child until it has ended, or its output has.
class Conversation {
 public:
  Conversation(UniqueFd to_child, UniqueFd from_child, int pidfd, absl::string_view input, size_t max_output)
      : to_child_(std::move(to_child)),
        from_child_(std::move(from_child)),
        pidfd_(pidfd),
        input_(input),
        max_output_(max_output) {}

  absl::StatusOr<std::string> Run(absl::Time deadline) {
    (void)fcntl(to_child_.get(), F_SETFL, O_NONBLOCK);
    (void)fcntl(from_child_.get(), F_SETFL, O_NONBLOCK);
    bool ended = false;
    while (from_child_.valid()) {
      if (input_.empty()) to_child_.Reset();  // the end of its input
      pollfd fds[] = {{from_child_.get(), POLLIN, 0}, {pidfd_, POLLIN, 0}, {to_child_.get(), POLLOUT, 0}};
      const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
      if (left <= 0) return absl::DeadlineExceededError("does not end");
      const int ready =
          poll(fds, to_child_.valid() ? 3 : 2, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
      if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
      if (ready <= 0) continue;
      if (to_child_.valid() && fds[2].revents != 0) Feed();
      // Of a child that has ended its output is complete, though a process that it left may hold it open.
      ended = (fds[1].revents & POLLIN) != 0;
      RETURN_IF_ERROR(Drain());
      if (ended) break;
    }
    return std::move(output_);
  }

 private:
  void Feed() {
    const ssize_t written = write(to_child_.get(), input_.data(), input_.size());
    if (written > 0) input_.remove_prefix(static_cast<size_t>(written));
    // Whoever does not want to hear it all is not made to.
    if (written < 0 && errno != EAGAIN && errno != EINTR) input_ = {};
  }
  absl::Status Drain() {
    char buffer[4096];
    while (true) {
      const ssize_t got = read(from_child_.get(), buffer, sizeof(buffer));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return absl::OkStatus();
      if (got <= 0) {
        from_child_.Reset();
        return got == 0 ? absl::OkStatus() : ErrnoStatus(errno, "read");
      }
      if (output_.size() + static_cast<size_t>(got) > max_output_) {
        return absl::ResourceExhaustedError(absl::StrCat("prints more than ", max_output_, " bytes"));
      }
      output_.append(buffer, static_cast<size_t>(got));
    }
  }

  UniqueFd to_child_, from_child_;
  const int pidfd_;
  absl::string_view input_;
  const size_t max_output_;
  std::string output_;
};

// Waits for what may still hold after the end of the output.
absl::StatusOr<ExitStatus> WaitUntil(ChildProcess& child, absl::Time deadline) {
  while (true) {
    pollfd fd = {child.pidfd(), POLLIN, 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) return absl::DeadlineExceededError("does not end");
    const int ready = poll(&fd, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (ready > 0) return child.Wait();
  }
}

}  // namespace

std::string FindInPath(absl::string_view name) {
  const char* path = getenv("PATH");
  for (const absl::string_view directory : absl::StrSplit(path == nullptr ? kUsualPath : path, ':')) {
    if (!absl::StartsWith(directory, "/")) continue;
    std::string candidate = absl::StrCat(directory, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

absl::StatusOr<ProgramResult> RunProgram(const std::string& path, absl::Span<const std::string> args,
                                         absl::string_view input, absl::Duration timeout, size_t max_output) {
  ASSIGN_OR_RETURN(Pipe in, MakePipe());
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(ChildProcess child, Start(path, args, in.read_end.get(), out.write_end.get()));
  in.read_end.Reset();
  out.write_end.Reset();
  const absl::Time deadline = absl::Now() + timeout;
  Conversation conversation(std::move(in.write_end), std::move(out.read_end), child.pidfd(), input,
                            max_output);
  ProgramResult program;
  ASSIGN_OR_RETURN(program.output, conversation.Run(deadline), args[0]);
  ASSIGN_OR_RETURN(program.exit, WaitUntil(child, deadline), args[0]);
  return program;
}

absl::StatusOr<PipelineResult> RunPipeline(absl::Span<const std::string> writer,
                                           absl::Span<const std::string> reader) {
  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing.valid()) return ErrnoStatus(errno, "open /dev/null");
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  ASSIGN_OR_RETURN(ChildProcess first, Start(writer[0], writer, nothing.get(), pipe.write_end.get()));
  ASSIGN_OR_RETURN(ChildProcess second, Start(reader[0], reader, pipe.read_end.get(), STDOUT_FILENO));
  pipe.write_end.Reset();
  pipe.read_end.Reset();
  PipelineResult result;
  ASSIGN_OR_RETURN(result.reader, second.Wait(), reader[0]);
  ASSIGN_OR_RETURN(result.writer, first.Wait(), writer[0]);
  return result;
}

}  // namespace coracle::os
