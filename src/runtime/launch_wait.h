// The parent's half of a start: it listens to the child until the program runs, waits at its gate, or an
// error came.
#ifndef CORACLE_RUNTIME_LAUNCH_WAIT_H_
#define CORACLE_RUNTIME_LAUNCH_WAIT_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "runtime/process_plan.h"
#include "runtime/setup_step.h"

namespace coracle::runtime {

struct ChildEvents {
  // What to do when the child asks; null: just answer.
  std::function<absl::Status(pid_t pid)> on_namespaces, on_before_pivot;
  std::function<absl::Status(pid_t pid, int listener)> on_listener;
  os::UniqueFd* console = nullptr;
  const ProcessPlan* process = nullptr;  // for what a handover says
};

// Returns OK when the program runs or, with `until_held`, waits at the gate. `child` changes to the real
// first process after a staged start. Errors: what the child reported, with its exit code; a child that died
// on the way.
absl::Status FollowChild(int channel, os::ChildProcess& child, const ChildEvents& events, bool staged,
                         bool until_held);

// Two connected descriptors, close-on-exec: the parent's and the child's.
absl::Status MakeChannel(os::UniqueFd* parent, os::UniqueFd* child);

// Makes the calling process's next children live in another pid namespace; the destructor undoes it.
class PidNamespaceForChildren {
 public:
  ~PidNamespaceForChildren();
  // `fd` is a pid namespace, or a pidfd of a process in it. False if we could not come back: in a user
  // namespace that does not own our own pid namespace, the way is through a stage, a process that goes and
  // makes the child.
  absl::StatusOr<bool> Enter(int fd);

 private:
  os::UniqueFd own_;
};

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_LAUNCH_WAIT_H_
