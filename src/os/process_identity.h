// A process named for good: its pid alone may be another's by now.
#ifndef CORACLE_OS_PROCESS_IDENTITY_H_
#define CORACLE_OS_PROCESS_IDENTITY_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::os {

// A pidfd of the process `pid` that started at `start_time` (clock ticks since boot, StartTimeOf).
// Errors: NotFound if it has ended, also if another process has its pid now.
absl::StatusOr<UniqueFd> OpenProcess(pid_t pid, uint64_t start_time);

}  // namespace coracle::os

#endif  // CORACLE_OS_PROCESS_IDENTITY_H_
