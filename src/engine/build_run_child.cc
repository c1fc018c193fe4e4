#include "engine/build_run_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"
#include "os/process.h"

namespace coracle::engine {
namespace {

constexpr size_t kMaxReportBytes = 32 << 10;  // fits into a pipe

// What the child ends with: written once, read at its end.
struct Report {
  int32_t status_code = 0;
  int32_t exit_code = 0;  // of the step
};

[[noreturn]] void ChildMain(const build::RunStep& step, const build::StepRunner& run, int socket, int output,
                            int report_fd) {
  if (os::DieWithParent(SIGKILL, socket) != 0) _exit(1);
  build::RunStep own = step;
  own.on_output = [output](absl::string_view text) { (void)os::WriteAll(output, text); };
  const absl::StatusOr<int> code = run(own);
  Report report;
  report.status_code = static_cast<int32_t>(code.status().code());
  if (code.ok()) report.exit_code = *code;
  const std::string text = absl::StrCat(
      absl::string_view(reinterpret_cast<const char*>(&report), sizeof(report)), StatusLine(code.status()));
  _exit(os::WriteAll(report_fd, text).ok() ? 0 : 1);
}

absl::StatusOr<std::pair<os::UniqueFd, os::UniqueFd>> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  return std::make_pair(os::UniqueFd(fds[0]), os::UniqueFd(fds[1]));
}

// What the child prints, until it has ended.
void PassOn(int output, int pidfd, const std::function<void(absl::string_view)>& on_output) {
  char buffer[16384];
  bool ended = false;
  while (true) {
    pollfd fds[2] = {{output, POLLIN, 0}, {ended ? -1 : pidfd, POLLIN, 0}};
    if (poll(fds, 2, ended ? 0 : -1) < 0 && errno != EINTR) return;
    if ((fds[0].revents & POLLIN) != 0) {
      const ssize_t count = read(output, buffer, sizeof(buffer));
      if (count > 0 && on_output != nullptr) on_output({buffer, static_cast<size_t>(count)});
    } else if (ended || fds[0].revents != 0) {
      return;
    } else if (fds[1].revents != 0) {
      ended = true;
    }
  }
}

// It was written in one piece, before the child ended.
std::string ReadReport(int fd) {
  std::string text(kMaxReportBytes, '\0');
  pollfd ready = {fd, POLLIN, 0};
  const ssize_t count = poll(&ready, 1, 0) == 1 ? read(fd, text.data(), text.size()) : 0;
  text.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return text;
}

}  // namespace

absl::StatusOr<int> RunStepInChild(const build::RunStep& step, const build::StepRunner& run) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return ErrnoStatus(errno, "socketpair");
  const os::UniqueFd ours(sockets[0]);
  os::UniqueFd theirs(sockets[1]);
  ASSIGN_OR_RETURN(auto output, MakePipe());
  ASSIGN_OR_RETURN(auto report, MakePipe());
  os::CloneResult clone;
  const int result = os::CloneProcess({}, &clone);
  if (result < 0) return ErrnoStatus(-result, "start a process for a step");
  if (clone.pid == 0) {
    close(ours.get());
    ChildMain(step, run, theirs.get(), output.second.get(), report.second.get());
  }
  os::ChildProcess child(clone.pid, os::UniqueFd(clone.pidfd));
  theirs.Reset();
  output.second.Reset();
  report.second.Reset();
  // Not until the pipes' end: the keeper of the user's network, which it may have started, has copies.
  PassOn(output.first.get(), child.pidfd(), step.on_output);
  (void)child.Wait();
  const std::string text = ReadReport(report.first.get());
  Report ended;
  if (text.size() < sizeof(ended)) return absl::AbortedError("the process that ran the step was killed");
  std::memcpy(&ended, text.data(), sizeof(ended));
  if (ended.status_code == 0) return ended.exit_code;
  return absl::Status(static_cast<absl::StatusCode>(ended.status_code), text.substr(sizeof(ended)));
}

}  // namespace coracle::engine
