// One OCI container: from a config to a running first process, and more processes in it.
//
// Nothing here knows images, stores or monitors. The caller is single-threaded.
// Source: runtime-spec runtime.md (lifecycle), config-linux.md.
#ifndef CORACLE_RUNTIME_CONTAINER_H_
#define CORACLE_RUNTIME_CONTAINER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "os/overlay_mount.h"
#include "os/unique_fd.h"
#include "runtime/cgroup.h"
#include "runtime/seccomp.h"

namespace coracle::runtime {

// The descriptors the first process gets as 0, 1 and 2; -1 is /dev/null. With process.terminal they are
// ignored: a pseudo-terminal is made inside the container and its master comes back in `Container::console`.
struct Stdio {
  int in = -1, out = -1, err = -1;
};

struct CreateRequest {
  const oci::Spec* spec = nullptr;
  std::string id;
  std::string bundle;                              // absolute; root.path is relative to it
  std::optional<os::OverlayOptions> root_overlay;  // the root is this overlay, mounted in the container's
                                                   // mount namespace only; else root.path
  // Sources of bind mounts by their destination, ready as detached mounts, in place of what the spec says.
  // The caller's; they may be attached once.
  std::map<std::string, int> trees;
  Stdio stdio;
  int preserve_fds = 0;                    // 3 .. 3+n-1 stay open in the container
  std::vector<int> passed;                 // the caller's descriptors that become 3+n and on there
  Cgroup* cgroup = nullptr;                // not owned; null: no cgroup
  const SeccompFilter* seccomp = nullptr;  // compiled from spec->linux_config.seccomp; null: none
  bool new_session_keyring = true;
  bool die_with_parent = false;  // SIGKILL to the first process when the caller ends
  // The process waits at the end of its set-up until Container::Start. Without it (the fast path of `run`)
  // the process goes straight on to exec and no gate is made.
  bool hold_before_exec = false;
  // With hold_before_exec: path of a fifo to wait on (so that another process, `oci start`, can open it);
  // else a pipe.
  std::string exec_fifo;
  // Called in the parent once the new process's namespaces exist and before its root is changed: id maps are
  // written, networks are attached here. Null: nothing to do (the child does not wait).
  std::function<absl::Status(pid_t pid)> on_namespaces;
};

struct Container {
  pid_t pid = -1;
  uint64_t start_time = 0;  // field 22 of /proc/PID/stat, clock ticks since boot
  os::UniqueFd pidfd;
  os::UniqueFd console;      // pty master, with process.terminal
  os::UniqueFd start_gate;   // with hold_before_exec and no exec_fifo
  os::UniqueFd exec_status;  // becomes readable: EOF after a successful exec, a ChildFailure otherwise
};

// Starts the first process. On error every process, mount and namespace that it made is gone; the cgroup is
// the caller's. Without hold_before_exec it returns after the exec succeeded. Errors carry an exit code: 127
// if the command does not exist in the root, 126 if it can't be executed or is no program, 125 else. Messages
// name the step and object: "mount /data: No such file or directory".
absl::StatusOr<Container> Create(const CreateRequest& request);

// Lets a held process go on to exec. Returns after exec succeeded or with its error, as Create.
absl::Status Start(Container& container);

// A further process in the container whose first process is `pidfd`/`pid`.
struct ExecRequest {
  pid_t pid = -1;
  const oci::Process* process = nullptr;
  const oci::Linux* linux_config =
      nullptr;  // namespaces to join by the first process, personality; never null
  Stdio stdio;
  int preserve_fds = 0;
  const SeccompFilter* seccomp = nullptr;
  std::vector<std::string> cgroup_paths;  // of the container (Cgroup::paths)
  bool no_new_keyring = false;
  bool die_with_parent = false;  // as in CreateRequest
};
// Errors as Create. The new process is a child of the caller.
absl::StatusOr<Container> Exec(const ExecRequest& request);

// Runs hooks one after another with the state JSON on stdin. `ignore_errors` for poststop and poststart's
// logging.
absl::Status RunHooks(const std::vector<oci::Hook>& hooks, const std::string& state_json);
// The state document of runtime.md, "State".
std::string StateJson(const std::string& id, absl::string_view status, pid_t pid, const std::string& bundle,
                      const oci::Spec& spec);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CONTAINER_H_
