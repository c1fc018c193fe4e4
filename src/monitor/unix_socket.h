// Unix sockets below a directory whose path may be longer than the 107 bytes of sun_path.
#ifndef CORACLE_MONITOR_UNIX_SOCKET_H_
#define CORACLE_MONITOR_UNIX_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

// `type` is SOCK_STREAM (listening, when returned) or SOCK_DGRAM. A stale socket of that name is replaced.
// Mode 0600 unless `mode` says else. Errors: errno of the step.
absl::StatusOr<os::UniqueFd> BindSocket(const std::string& directory, const std::string& name, int type,
                                        unsigned mode = 0600);
// Errors: NotFound if there is no socket or nobody listens.
absl::StatusOr<os::UniqueFd> ConnectSocket(const std::string& directory, const std::string& name);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_UNIX_SOCKET_H_
