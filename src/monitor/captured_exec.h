// A short command in a running container whose output somebody wants to read: a health check.
#ifndef CORACLE_MONITOR_CAPTURED_EXEC_H_
#define CORACLE_MONITOR_CAPTURED_EXEC_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/container.h"

namespace coracle::monitor {

struct CapturedExec {
  bool timed_out = false;  // it was killed, and all of its process group
  int exit_code = -1;      // 128 + signal if killed by somebody else; -1 if it timed out
  std::string output;      // of stdout and stderr, in the order they came; no more than asked for
};

// Runs `request` without input and without a terminal until it ends, or for `timeout_millis`. Output that its
// descendants write later is not waited for. If we are killed, so is it. `request.stdio` is set here. Errors
// as runtime::Exec.
absl::StatusOr<CapturedExec> RunExecCaptured(runtime::ExecRequest request, size_t max_output,
                                             int64_t timeout_millis);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_CAPTURED_EXEC_H_
