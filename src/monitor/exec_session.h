// A further process in a running container, as `exec` needs it. No monitor takes part: the command that execs
// is the parent.
#ifndef CORACLE_MONITOR_EXEC_SESSION_H_
#define CORACLE_MONITOR_EXEC_SESSION_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/container.h"

namespace coracle::monitor {

struct ExecOptions {
  bool interactive = false;                   // our stdin goes in; without it the process reads /dev/null
  std::string detach_keys = "ctrl-p,ctrl-q";  // with a terminal
  bool sig_proxy = true;  // signals to us go to the process (without a terminal, where keys do)
};

struct ExecResult {
  bool detached = false;         // by keys: the process goes on without us
  std::optional<int> exit_code;  // 128 + signal if killed
};

// Runs `request` in the foreground and waits for its end. `request.stdio` is set here: without
// process->terminal the process gets our own descriptors and nothing is relayed; with it, our terminal is in
// raw mode meanwhile (and always restored), its size is followed. Errors as runtime::Exec.
absl::StatusOr<ExecResult> RunExec(runtime::ExecRequest request, const ExecOptions& options);

// Starts `request` in the background with /dev/null (or a terminal nobody reads) as its stdio and returns its
// pid. A small process of its own stays to reap it; in that process `on_exit` is called with the exit code
// (may be null). It must not need descriptors: all but 0 to 2 and the preserved ones are closed there.
// Errors as runtime::Exec.
absl::StatusOr<pid_t> StartDetachedExec(runtime::ExecRequest request,
                                        std::function<void(int exit_code)> on_exit);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_EXEC_SESSION_H_
