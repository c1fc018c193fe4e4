// How a process that stays behind tells its starter, once, that it started or why not.
#ifndef CORACLE_MONITOR_START_REPORT_H_
#define CORACLE_MONITOR_START_REPORT_H_

#include <sys/types.h>

#include "absl/status/statusor.h"
#include "os/unique_fd.h"

namespace coracle::monitor {

struct ReportPipe {
  os::UniqueFd read_end, write_end;
};
absl::StatusOr<ReportPipe> MakeReportPipe();
// A starter that is gone does not matter.
void SendReport(os::UniqueFd write_end, const absl::StatusOr<pid_t>& started);
// The pid, or the status as it was (code, message, payloads). `child` is reaped after an error, so that
// nothing of it is left, and with `reap` always. Internal if it ended without a word.
absl::StatusOr<pid_t> ReceiveReport(os::UniqueFd read_end, pid_t child, bool reap);

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_START_REPORT_H_
