#include "runtime/launch_wait.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "os/file.h"
#include "runtime/exec_failure.h"

namespace coracle::runtime {
namespace {

absl::Status DiedOnTheWay(os::ChildProcess& child) {
  ASSIGN_OR_RETURN(const os::ExitStatus status, child.Wait());
  if (status.signaled) {
    return WithExitCode(
        absl::UnknownError(absl::StrCat("the container's process was killed by signal ", status.value, " (",
                                        strsignal(status.value), ") during its set-up")),
        125);
  }
  return WithExitCode(absl::UnknownError("the container's process ended during its set-up"), 125);
}

absl::Status Answered(int channel, const std::function<absl::Status(pid_t)>& work, pid_t pid) {
  if (work != nullptr) RETURN_IF_ERROR(work(pid));
  const int result = Answer(channel);
  if (result < 0) return ErrnoStatus(-result, "answer the container's process");
  return absl::OkStatus();
}

absl::Status TakeStaged(pid_t pid, os::ChildProcess& child) {
  ASSIGN_OR_RETURN(os::UniqueFd pidfd, os::OpenPidfd(pid));
  // The stage has done its work; reap it before letting go of it.
  RETURN_IF_ERROR(child.Wait().status());
  child = os::ChildProcess(pid, std::move(pidfd));
  return absl::OkStatus();
}

absl::Status AwaitStage(int channel, os::ChildProcess& stage) {
  pollfd fds[2] = {{.fd = channel, .events = POLLIN, .revents = 0},
                   {.fd = stage.pidfd(), .events = POLLIN, .revents = 0}};
  while (poll(fds, 2, -1) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "poll");
  }
  if (fds[0].revents != 0) return absl::OkStatus();
  // It may have spoken between the two looks.
  fds[0].revents = 0;
  if (poll(fds, 1, 0) > 0) return absl::OkStatus();
  return DiedOnTheWay(stage);
}

}  // namespace

absl::Status FollowChild(int channel, os::ChildProcess& child, const ChildEvents& events, bool staged,
                         bool until_held) {
  bool exec = false, asked_early = false;
  for (;;) {
    ChildMessage message;
    os::UniqueFd fd;
    // The first process holds the channel open: a stage that dies without a word would leave us waiting for
    // ever.
    if (staged) RETURN_IF_ERROR(AwaitStage(channel, child));
    const int result = ReceiveMessage(channel, &message, &fd);
    if (result < 0) return ErrnoStatus(-result, "listen to the container's process");
    if (result == 0) return exec ? absl::OkStatus() : DiedOnTheWay(child);
    switch (message.kind) {
      case MessageKind::kFailure:
        return FailureStatus(message);
      case MessageKind::kNotExecuted:
        if (events.process == nullptr) return absl::InternalError("a program that was not handed over to");
        return FailureStatus(DescribeNotExecuted(message, *events.process));
      case MessageKind::kStaged:
        RETURN_IF_ERROR(TakeStaged(message.pid, child));
        staged = false;
        if (asked_early) RETURN_IF_ERROR(Answered(channel, events.on_namespaces, child.pid()));
        break;
      case MessageKind::kNamespaces:
        // The first process may be quicker than the stage that tells of it.
        if (staged) {
          asked_early = true;
          break;
        }
        RETURN_IF_ERROR(Answered(channel, events.on_namespaces, child.pid()));
        break;
      case MessageKind::kBeforePivot:
        RETURN_IF_ERROR(Answered(channel, events.on_before_pivot, child.pid()));
        break;
      case MessageKind::kConsole:
        if (events.console != nullptr) *events.console = std::move(fd);
        break;
      case MessageKind::kListener:
        if (events.on_listener == nullptr) return absl::InternalError("a seccomp listener nobody takes");
        RETURN_IF_ERROR(events.on_listener(child.pid(), fd.get()));
        break;
      case MessageKind::kHeld:
        if (until_held) return absl::OkStatus();
        break;
      case MessageKind::kExec:
        exec = true;
        break;
    }
  }
}

absl::Status MakeChannel(os::UniqueFd* parent, os::UniqueFd* child) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return ErrnoStatus(errno, "socketpair");
  parent->Reset(ends[0]);
  child->Reset(ends[1]);
  return absl::OkStatus();
}

PidNamespaceForChildren::~PidNamespaceForChildren() {
  if (own_.valid()) (void)setns(own_.get(), CLONE_NEWPID);  // it worked before, see Enter
}

absl::StatusOr<bool> PidNamespaceForChildren::Enter(int fd) {
  ASSIGN_OR_RETURN(os::UniqueFd own, os::OpenAt(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY));
  // Going nowhere asks for the same privilege as coming back.
  if (setns(own.get(), CLONE_NEWPID) != 0) return false;
  if (setns(fd, CLONE_NEWPID) != 0) return ErrnoStatus(errno, "join namespace pid");
  own_ = std::move(own);
  return true;
}

}  // namespace coracle::runtime
