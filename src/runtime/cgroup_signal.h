// Freezing and killing all processes of a cgroup, on v2 and v1.
#ifndef CORACLE_RUNTIME_CGROUP_SIGNAL_H_
#define CORACLE_RUNTIME_CGROUP_SIGNAL_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "runtime/cgroup_dir.h"

namespace coracle::runtime {

// Stops (or lets go on) every process and waits until the kernel says so, at most 10 s. v2's cgroup.freeze
// works without any controller, so a hybrid host needs no v1 freezer. Errors: FailedPrecondition without a
// freezer; DeadlineExceeded "... did not freeze" (it is thawed again).
absl::Status FreezeCgroup(absl::Span<const CgroupDirectory> dirs, bool freeze);

// Whether it was frozen, by anyone.
bool IsCgroupFrozen(absl::Span<const CgroupDirectory> dirs);

// Sends `signal` to every process. SIGKILL goes through cgroup.kill (Linux 5.14), else through a freeze so
// that no fork escapes; other signals reach the processes there at the moment.
absl::Status SignalCgroup(absl::Span<const CgroupDirectory> dirs, int signal);

// Kills what is in `dirs`, waits for it (10 s at most) and removes the directories with all below them.
// Errors: FailedPrecondition if processes remain (they sleep in the kernel), naming the directory and a pid.
absl::Status DestroyCgroup(absl::Span<const CgroupDirectory> dirs);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_SIGNAL_H_
