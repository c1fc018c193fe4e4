// The protocol between the parent and a process that is being set up, over one SOCK_SEQPACKET socket pair.
//
// The child sends ChildMessages; where a message asks for an answer, the parent sends one byte. The child's
// end is close-on-exec: end of file after kExec means that the program runs; end of file before it, that the
// child died.
#ifndef CORACLE_RUNTIME_SETUP_STEP_H_
#define CORACLE_RUNTIME_SETUP_STEP_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "os/unique_fd.h"
#include "programs/handover.h"

namespace coracle::runtime {

// In the order in which the child goes through them; a message names the step that failed.
enum class SetupStep : int32_t {
  kNone,
  kDescriptors,
  kEnterCgroup,
  kJoinNamespace,  // detail: its type
  kNewNamespaces,  // of a staged start
  kWaitForParent,
  kBecomeRoot,  // ids 0:0 of a new user namespace
  kOomScore,
  kKeyring,
  kLoopback,
  kHostname,
  kDomainname,
  kPropagation,
  kRoot,
  kMount,   // detail: destination
  kDevice,  // detail: path
  kConsole,
  kSysctl,  // detail: name
  kMaskPath,
  kReadOnlyPath,
  kHook,  // detail: the whole message
  kPivot,
  kRootReadOnly,
  kStdio,
  kPersonality,
  kScheduler,
  kIoPriority,
  kSecurityLabel,
  kRlimit,  // detail: its name
  kSeccomp,
  kNoNewPrivileges,
  kBoundingSet,
  kGroups,
  kUser,
  kCapabilities,
  kWorkingDirectory,
  kDieWithParent,
  kGate,
  kExec,  // detail: the command
};

enum class MessageKind : int32_t {
  kFailure,
  kStaged,       // pid: the real first process, a sibling of the sender
  kNamespaces,   // answered: id maps are to be written, networks attached
  kBeforePivot,  // answered: hooks of the runtime namespace are to be run
  kConsole,      // carries the pty master
  kListener,     // carries the seccomp listener
  kHeld,         // set up, waits at the gate
  kExec,         // the next thing is exec
  kNotExecuted,  // of the program that executes in our place: a HandoverMessage
};

struct ChildMessage {
  MessageKind kind = MessageKind::kFailure;
  SetupStep step = SetupStep::kNone;
  int32_t error = 0;  // errno, or 0 if detail says it all
  int32_t pid = 0;
  int32_t exit_code = 0;  // of the command line: 125, 126 or 127
  char detail[236] = {};
};

static_assert(sizeof(HandoverMessage) == sizeof(ChildMessage));
static_assert(static_cast<int>(MessageKind::kNotExecuted) == CORACLE_HANDOVER_KIND);

// Child side: one write, no allocation. Returns 0 or -errno.
int SendMessage(int channel, const ChildMessage& message, int fd = -1);
// Sends a failure and ends the process.
[[noreturn]] void Fail(int channel, SetupStep step, int error, const char* detail = "", int exit_code = 125);
// Sends a message of `kind` and waits for the parent's byte; a parent that is gone ends the process.
void Ask(int channel, MessageKind kind);

// Parent side. 1: a message (and its descriptor, if any); 0: end of file; -errno.
int ReceiveMessage(int channel, ChildMessage* message, os::UniqueFd* fd);
int Answer(int channel);
// "mount /data: No such file or directory", with its exit code.
absl::Status FailureStatus(const ChildMessage& message);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_SETUP_STEP_H_
