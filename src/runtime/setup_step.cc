#include "runtime/setup_step.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/status.h"

namespace coracle::runtime {
namespace {

struct StepText {
  SetupStep step;
  const char* text;
};
constexpr StepText kTexts[] = {
    {SetupStep::kDescriptors, "isolate file descriptors"},
    {SetupStep::kEnterCgroup, "enter the cgroup"},
    {SetupStep::kJoinNamespace, "join namespace"},
    {SetupStep::kNewNamespaces, "make namespaces"},
    {SetupStep::kWaitForParent, "wait for the runtime"},
    {SetupStep::kBecomeRoot, "become root of the user namespace"},
    {SetupStep::kOomScore, "set oom_score_adj"},
    {SetupStep::kKeyring, "make a session keyring"},
    {SetupStep::kLoopback, "bring up the loopback interface"},
    {SetupStep::kHostname, "set hostname"},
    {SetupStep::kDomainname, "set domainname"},
    {SetupStep::kPropagation, "set mount propagation"},
    {SetupStep::kRoot, "mount the root file system"},
    {SetupStep::kMount, "mount"},
    {SetupStep::kDevice, "make device"},
    {SetupStep::kConsole, "terminal"},
    {SetupStep::kSysctl, "sysctl"},
    {SetupStep::kMaskPath, "mask path"},
    {SetupStep::kReadOnlyPath, "make path read-only"},
    {SetupStep::kHook, "hook"},
    {SetupStep::kPivot, "change the root"},
    {SetupStep::kRootReadOnly, "make the root file system read-only"},
    {SetupStep::kStdio, "set up standard streams"},
    {SetupStep::kPersonality, "set personality"},
    {SetupStep::kScheduler, "set scheduler"},
    {SetupStep::kIoPriority, "set I/O priority"},
    {SetupStep::kSecurityLabel, "set security label"},
    {SetupStep::kRlimit, "set limit"},
    {SetupStep::kSeccomp, "install the seccomp filter"},
    {SetupStep::kNoNewPrivileges, "set no_new_privs"},
    {SetupStep::kBoundingSet, "drop capabilities"},
    {SetupStep::kGroups, "set groups"},
    {SetupStep::kUser, "set user"},
    {SetupStep::kCapabilities, "set capabilities"},
    {SetupStep::kWorkingDirectory, "chdir to cwd"},
    {SetupStep::kDieWithParent, "bind life to the runtime"},
    {SetupStep::kGate, "wait for start"},
    {SetupStep::kExec, "exec"},
};

const char* TextOf(SetupStep step) {
  for (const StepText& entry : kTexts) {
    if (entry.step == step) return entry.text;
  }
  return "set up the container";
}

}  // namespace

int SendMessage(int channel, const ChildMessage& message, int fd) {
  iovec data = {.iov_base = const_cast<ChildMessage*>(&message), .iov_len = sizeof(message)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof(int));
  }
  ssize_t count = sendmsg(channel, &header, MSG_NOSIGNAL);
  while (count < 0 && errno == EINTR) count = sendmsg(channel, &header, MSG_NOSIGNAL);
  return count < 0 ? -errno : 0;
}

void Fail(int channel, SetupStep step, int error, const char* detail, int exit_code) {
  ChildMessage message;
  message.step = step;
  message.error = error;
  message.exit_code = exit_code;
  strncpy(message.detail, detail, sizeof(message.detail) - 1);
  if (SendMessage(channel, message) < 0) {
    // Nobody listens any more (`oci start` of another process let us go): the container's own stderr is what
    // is left.
    char line[400];
    const int length = snprintf(line, sizeof(line), "coracle: %s %s%s%s\n", TextOf(step), detail,
                                error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
    if (length > 0 && write(STDERR_FILENO, line, strnlen(line, sizeof(line))) < 0) _exit(exit_code);
  }
  _exit(exit_code);
}

void Ask(int channel, MessageKind kind) {
  ChildMessage message;
  message.kind = kind;
  if (SendMessage(channel, message) < 0) _exit(125);
  char byte;
  ssize_t count = read(channel, &byte, 1);
  while (count < 0 && errno == EINTR) count = read(channel, &byte, 1);
  if (count != 1) _exit(125);
}

int ReceiveMessage(int channel, ChildMessage* message, os::UniqueFd* fd) {
  iovec data = {.iov_base = message, .iov_len = sizeof(*message)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  ssize_t count = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR) count = recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
  if (count < 0) return errno == ECONNRESET ? 0 : -errno;
  if (count == 0) return 0;
  if (const cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    int received = -1;
    memcpy(&received, CMSG_DATA(rights), sizeof(int));
    fd->Reset(received);
  }
  message->detail[sizeof(message->detail) - 1] = '\0';
  return count == static_cast<ssize_t>(sizeof(*message)) ? 1 : -EPROTO;
}

int Answer(int channel) { return send(channel, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno; }

absl::Status FailureStatus(const ChildMessage& message) {
  std::string text;
  if (message.step == SetupStep::kHook) {
    text = message.detail;
  } else {
    text = TextOf(message.step);
    if (message.detail[0] != '\0') absl::StrAppend(&text, " ", message.detail);
  }
  absl::Status status = message.error != 0 ? ErrnoStatus(message.error, text) : absl::UnknownError(text);
  return WithExitCode(std::move(status), message.exit_code == 0 ? 125 : message.exit_code);
}

}  // namespace coracle::runtime
