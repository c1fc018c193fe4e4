// What runc's commands do, on the state directory of oci_state.h.
#ifndef CORACLE_RUNTIME_OCI_LIFECYCLE_H_
#define CORACLE_RUNTIME_OCI_LIFECYCLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/container.h"
#include "runtime/oci_state.h"

namespace coracle::runtime {

struct OciCreateOptions {
  std::string id;
  std::string bundle;          // directory with config.json; empty: the current one
  std::string console_socket;  // gets the terminal's master by SCM_RIGHTS
  std::string pid_file;
  int preserve_fds = 0;
  bool new_keyring = true;
  bool systemd_cgroup = false;
  // `run` without --detach: the caller stays, and keeps the terminal's master itself.
  bool foreground = false;
};

// Makes the container and its record; the process waits. With `run`, Start the result; else OciStart does,
// from any process. Errors: AlreadyExists; as Create; everything that was made is gone then.
absl::StatusOr<Container> OciCreate(const OciStore& store, const OciCreateOptions& options,
                                    bool hold_at_fifo);
// After Start of a container that does not hold at the fifo: it is running now. Runs the poststart hooks.
absl::Status OciMarkStarted(const OciStore& store, const std::string& id);

// Lets the held process go on and waits until it has become the container's program (or ended).
// Errors: FailedPrecondition unless it is created.
absl::Status OciStart(const OciStore& store, const std::string& id);
// Errors: FailedPrecondition "container not running" once it has ended; with `all` the processes it left are
// reached.
absl::Status OciKill(const OciStore& store, const std::string& id, int signal, bool all);
// Removes what a stopped container holds and runs the poststop hooks. With `force` it is killed first, and
// one that does not exist is no error. Errors: FailedPrecondition "cannot delete container X that is not
// stopped: running".
absl::Status OciDelete(const OciStore& store, const std::string& id, bool force);
absl::Status OciPause(const OciStore& store, const std::string& id);
absl::Status OciResume(const OciStore& store, const std::string& id);
absl::Status OciUpdate(const OciStore& store, const std::string& id, const oci::Resources& resources);
absl::StatusOr<std::vector<int32_t>> OciPids(const OciStore& store, const std::string& id);
// The document of runtime.md "State", with the members that runc adds (rootfs, created).
absl::StatusOr<std::string> OciStateDocument(const OciStore& store, const std::string& id, int indent);

struct OciExecOptions {
  std::string id;
  oci::Process process;
  std::string console_socket, pid_file;
  int preserve_fds = 0;
  bool ignore_paused = false;
  bool foreground = false;  // the caller keeps the terminal's master
};
// A further process. Errors: FailedPrecondition unless the container is running (or created, as runc allows).
absl::StatusOr<Container> OciExec(const OciStore& store, const OciExecOptions& options);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_OCI_LIFECYCLE_H_
