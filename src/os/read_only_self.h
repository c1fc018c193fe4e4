// Our own program, out of reach of what runs in a container.
//
// A process in a container can open /proc/PID/exe of a runtime process that is there before its exec, or make
// it run again by an entry point "#!/proc/self/exe", and write to the file once it is idle: root in the
// container then owns the runtime on the host (CVE-2019-5736). So a command that will enter a container first
// executes itself again from a detached mount of its own file that is read-only for good: no later open
// through /proc can write to it.
#ifndef CORACLE_OS_READ_ONLY_SELF_H_
#define CORACLE_OS_READ_ONLY_SELF_H_

#include "absl/status/status.h"

namespace coracle::os {

// Returns OK if this process already runs from a read-only file; else executes itself again, with the same
// arguments and environment, and does not return. Where mounts are forbidden the copy is a sealed memfd. Call
// it early, with one thread, and after entering the user namespace of a rootless user. Descriptors without
// close-on-exec survive. Errors: the errno of the copy; nothing has changed then. Source: open_tree(2),
// mount_setattr(2), execveat(2), memfd_create(2).
absl::Status EnsureReadOnlySelf(char* const* argv, char* const* envp);

// Whether /proc/self/exe can't be opened for writing by anyone: it lies on a read-only mount or is a sealed
// memfd.
bool IsReadOnlySelf();

}  // namespace coracle::os

#endif  // CORACLE_OS_READ_ONLY_SELF_H_
