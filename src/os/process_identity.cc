#include "os/process_identity.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/process.h"

namespace coracle::os {

absl::StatusOr<UniqueFd> OpenProcess(pid_t pid, uint64_t start_time) {
  if (pid <= 0) return absl::NotFoundError("no such process");
  ASSIGN_OR_RETURN(UniqueFd pidfd, OpenPidfd(pid));
  // Checked after the pidfd is held: from then on the pid cannot become another's without the pidfd going
  // dead.
  ASSIGN_OR_RETURN(const uint64_t started, StartTimeOf(pid));
  if (started != start_time) return absl::NotFoundError(absl::StrCat("process ", pid, " has ended"));
  return pidfd;
}

}  // namespace coracle::os
