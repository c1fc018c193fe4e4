#include "monitor/start_report.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/status.h"
#include "monitor/attach.pb.h"
#include "monitor/frames.h"
#include "os/file.h"

namespace coracle::monitor {
namespace {

// A report is a status: message and a few payloads.
constexpr size_t kMaxReport = 1 << 20;

}  // namespace

absl::StatusOr<ReportPipe> MakeReportPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  ReportPipe pipe;
  pipe.read_end.Reset(ends[0]);
  pipe.write_end.Reset(ends[1]);
  return pipe;
}

void SendReport(os::UniqueFd write_end, const absl::StatusOr<pid_t>& started) {
  StartResult result;
  StatusToResult(started.status(), &result);
  if (started.ok()) result.set_pid(*started);
  (void)os::WriteAll(write_end.get(), result.SerializeAsString());
}

absl::StatusOr<pid_t> ReceiveReport(os::UniqueFd read_end, pid_t child, bool reap) {
  const absl::StatusOr<std::string> bytes = os::ReadAll(read_end.get(), kMaxReport);
  StartResult result;
  absl::Status status = bytes.status();
  if (status.ok() && (bytes->empty() || !result.ParseFromString(*bytes))) {
    status = absl::InternalError("the container's monitor ended unexpectedly");
  } else if (status.ok()) {
    status = StatusFromResult(result);
  }
  if (!status.ok() || reap) {
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (!status.ok()) return status;
  return result.pid();
}

}  // namespace coracle::monitor
