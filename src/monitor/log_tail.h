// Where the last n lines of a log file begin.
#ifndef CORACLE_MONITOR_LOG_TAIL_H_
#define CORACLE_MONITOR_LOG_TAIL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "monitor/log_entry.h"

namespace coracle::monitor {

// Scans `fd`, of which `size` bytes count, backwards in blocks for the beginning of its last `*lines` lines;
// 0 if it has no more than that. `*lines` is lowered by the lines found, so that the scan can go on in an
// older file. A line of several entries counts once; entries of the other stream between them stay in.
// Errors: errno of pread(2).
absl::StatusOr<uint64_t> FindTail(int fd, uint64_t size, LogFormat format, uint64_t* lines);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_TAIL_H_
