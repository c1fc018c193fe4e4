// The other side of a monitor: attach, resize, signals; used by run, start -a, attach, stop, init.
//
// Wire format: frames of a 5-byte header (type, little-endian payload length; at most kMaxFrame) and payload.
// Output and input are raw payload; control frames carry a protobuf message (attach.proto).
#ifndef CORACLE_MONITOR_ATTACH_CLIENT_H_
#define CORACLE_MONITOR_ATTACH_CLIENT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

struct AttachOptions {
  bool in = false, out = true, err = true;  // which streams
  bool tty = false;  // our stdin is put in raw mode if it is a terminal; SIGWINCH is followed
  std::string detach_keys = "ctrl-p,ctrl-q";
  bool start_held = false;  // the container waits before exec (`init`): let it go on, once we listen
  bool sig_proxy = true;    // SIGINT, SIGTERM ... go to the container (not with tty, where keys do)
  int in_fd = 0, out_fd = 1, err_fd = 2;
};

struct AttachResult {
  bool detached = false;         // detach keys
  std::optional<int> exit_code;  // set when the container ended; unset: connection lost or detached
};

// Connects to <run_dir>/attach.sock. Errors: NotFound if the container does not run.
absl::StatusOr<os::UniqueFd> ConnectAttach(const std::string& run_dir);
// Relays until the container ends or the user detaches. The terminal's mode is always restored. Output is
// written in large blocks; a closed stdout (EPIPE) detaches that stream.
absl::StatusOr<AttachResult> RunAttach(const os::UniqueFd& connection, const AttachOptions& options);
// Tells a held container (`init`) to go on; returns its exec result.
absl::Status SendStart(const os::UniqueFd& connection);
// Tells the monitor that the user asked for the stop, so that no restart policy applies.
absl::Status SendStopRequested(const os::UniqueFd& connection);
// Tells the monitor that its container's record has changed.
absl::Status SendReload(const os::UniqueFd& connection);
// Terminal size of a container's tty.
absl::Status SendResize(const os::UniqueFd& connection, uint16_t rows, uint16_t columns);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_ATTACH_CLIENT_H_
