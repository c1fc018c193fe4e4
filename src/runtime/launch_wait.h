// The parent's half of a start: it listens to the child until the program runs, waits at its gate, or an
// error came.
#ifndef CORACLE_RUNTIME_LAUNCH_WAIT_H_
#define CORACLE_RUNTIME_LAUNCH_WAIT_H_

#include <functional>

#include "absl/status/status.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "runtime/setup_step.h"

namespace coracle::runtime {

struct ChildEvents {
  // What to do when the child asks; null: just answer.
  std::function<absl::Status(pid_t pid)> on_namespaces, on_before_pivot;
  std::function<absl::Status(pid_t pid, int listener)> on_listener;
  os::UniqueFd* console = nullptr;
};

// Returns OK when the program runs or, with `until_held`, waits at the gate. `child` changes to the real
// first process after a staged start. Errors: what the child reported, with its exit code; a child that died
// on the way.
absl::Status FollowChild(int channel, os::ChildProcess& child, const ChildEvents& events, bool staged,
                         bool until_held);

// Two connected descriptors, close-on-exec: the parent's and the child's.
absl::Status MakeChannel(os::UniqueFd* parent, os::UniqueFd* child);

// Makes the calling process's next children live in other pid and time namespaces; the destructor undoes it.
class NamespacesForChildren {
 public:
  ~NamespacesForChildren();
  // `fd` is a pid namespace, or a pidfd of a process in it.
  absl::Status EnterPid(int fd);
  // A new time namespace with `offsets` (the text of /proc/self/timens_offsets).
  absl::Status MakeTime(const std::string& offsets);

 private:
  os::UniqueFd own_pid_, own_time_;
};

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_LAUNCH_WAIT_H_
