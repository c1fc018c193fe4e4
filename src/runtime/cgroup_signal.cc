#include "runtime/cgroup_signal.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "runtime/cgroup_v2.h"

namespace coracle::runtime {
namespace {

constexpr int kTimeoutMs = 10000;
// v1 has no event to wait for: looks again after 1, 2, 4 ... ms.
constexpr int kLongestPauseMs = 50;

void Pause(int ms) {
  timespec time = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&time, nullptr);
}

const CgroupDirectory* FindV2(absl::Span<const CgroupDirectory> dirs) {
  for (const CgroupDirectory& d : dirs) {
    if (d.v2) return &d;
  }
  return nullptr;
}

const CgroupDirectory* FindV1(absl::Span<const CgroupDirectory> dirs, absl::string_view controller) {
  for (const CgroupDirectory& d : dirs) {
    if (!d.v2 && std::find(d.controllers.begin(), d.controllers.end(), controller) != d.controllers.end())
      return &d;
  }
  return nullptr;
}

absl::Status FreezeV2(const std::string& path, bool freeze) {
  const int error = WriteCgroupFile(path, "cgroup.freeze", freeze ? "1" : "0");
  if (error != 0) return ErrnoStatus(error, absl::StrCat("freeze ", path));
  if (WaitForCgroupEvent(path, "frozen", freeze ? 1 : 0, kTimeoutMs) || !freeze) return absl::OkStatus();
  (void)WriteCgroupFile(path, "cgroup.freeze", "0");
  return absl::DeadlineExceededError(absl::StrCat("cgroup ", path, ": did not freeze in 10 s"));
}

absl::Status FreezeV1(const std::string& path, bool freeze) {
  const absl::string_view wanted = freeze ? "FROZEN" : "THAWED";
  int pause = 1;
  for (int waited = 0; waited < kTimeoutMs; waited += pause, pause = std::min(pause * 2, kLongestPauseMs)) {
    // Written again each time: a fork during the freeze leaves the cgroup FREEZING until the next write.
    const int error = WriteCgroupFile(path, "freezer.state", wanted);
    if (error != 0) return ErrnoStatus(error, absl::StrCat("freeze ", path));
    const std::optional<std::string> state = ReadCgroupFile(path, "freezer.state");
    if (!state.has_value() || absl::StripAsciiWhitespace(*state) == wanted) return absl::OkStatus();
    Pause(pause);
  }
  (void)WriteCgroupFile(path, "freezer.state", "THAWED");
  return absl::DeadlineExceededError(absl::StrCat("cgroup ", path, ": did not freeze in 10 s"));
}

absl::Status SignalOnce(absl::Span<const CgroupDirectory> dirs, int signal, bool* any) {
  *any = false;
  for (const CgroupDirectory& d : dirs) {
    ASSIGN_OR_RETURN(const std::vector<int32_t> pids, CgroupPids(d.path));
    for (const int32_t pid : pids) {
      *any = true;
      if (kill(pid, signal) != 0 && errno != ESRCH) {
        return ErrnoStatus(errno, absl::StrCat("send signal ", signal, " to process ", pid));
      }
    }
    // Every process is in every hierarchy; one list is enough, save for processes that somebody moved.
    if (*any && signal != SIGKILL) break;
  }
  return absl::OkStatus();
}

// Whether any process is left, after at most `timeout_ms`.
bool WaitUntilEmpty(absl::Span<const CgroupDirectory> dirs, int timeout_ms) {
  const CgroupDirectory* v2 = FindV2(dirs);
  if (v2 != nullptr && !WaitForCgroupEvent(v2->path, "populated", 0, timeout_ms)) return false;
  int pause = 1;
  for (int waited = 0;; waited += pause, pause = std::min(pause * 2, kLongestPauseMs)) {
    const bool empty = std::all_of(dirs.begin(), dirs.end(), [](const CgroupDirectory& d) {
      absl::StatusOr<std::vector<int32_t>> pids = CgroupPids(d.path);
      return !pids.ok() || pids->empty();
    });
    if (empty) return true;
    if (waited >= timeout_ms) return false;
    Pause(pause);
  }
}

int RemoveAll(absl::Span<const CgroupDirectory> dirs, std::string* failed) {
  int first = 0;
  for (const CgroupDirectory& d : dirs) {
    const int error = RemoveCgroupTree(d.path);
    if (error == 0) continue;
    if (first == 0) *failed = d.path;
    if (first == 0) first = error;
  }
  return first;
}

}  // namespace

absl::Status FreezeCgroup(absl::Span<const CgroupDirectory> dirs, bool freeze) {
  const CgroupDirectory* v2 = FindV2(dirs);
  if (v2 != nullptr && ReadCgroupFile(v2->path, "cgroup.freeze").has_value())
    return FreezeV2(v2->path, freeze);
  const CgroupDirectory* v1 = FindV1(dirs, "freezer");
  if (v1 != nullptr) return FreezeV1(v1->path, freeze);
  return absl::FailedPreconditionError("cgroup controller 'freezer' is not available: cannot pause");
}

bool IsCgroupFrozen(absl::Span<const CgroupDirectory> dirs) {
  const CgroupDirectory* v2 = FindV2(dirs);
  if (v2 != nullptr && ReadCgroupNumber(v2->path, "cgroup.freeze").value_or(0) == 1) return true;
  const CgroupDirectory* v1 = FindV1(dirs, "freezer");
  if (v1 == nullptr) return false;
  const std::string state = ReadCgroupFile(v1->path, "freezer.state").value_or("");
  return absl::StartsWith(state, "FROZEN") || absl::StartsWith(state, "FREEZING");
}

absl::Status SignalCgroup(absl::Span<const CgroupDirectory> dirs, int signal) {
  bool any = false;
  if (signal != SIGKILL) return SignalOnce(dirs, signal, &any);
  const CgroupDirectory* v2 = FindV2(dirs);
  const bool killed = v2 != nullptr && WriteCgroupFile(v2->path, "cgroup.kill", "1") == 0;
  if (killed) return absl::OkStatus();
  // Without cgroup.kill: nothing forks while frozen, and SIGKILL is carried out at the latest by the thaw.
  const bool frozen = FreezeCgroup(dirs, /*freeze=*/true).ok();
  absl::Status status = SignalOnce(dirs, SIGKILL, &any);
  if (frozen) status.Update(FreezeCgroup(dirs, /*freeze=*/false));
  // Where freezing is impossible a fork may slip through: again until nobody is there, for a while.
  for (int round = 0; !frozen && any && status.ok() && round < 100; ++round) {
    Pause(1);
    status = SignalOnce(dirs, SIGKILL, &any);
  }
  return status;
}

absl::Status DestroyCgroup(absl::Span<const CgroupDirectory> dirs) {
  std::string failed;
  // The usual case: everything has exited, and rmdir is all there is to do.
  if (RemoveAll(dirs, &failed) == 0) return absl::OkStatus();
  absl::Status killed = SignalCgroup(dirs, SIGKILL);
  if (!WaitUntilEmpty(dirs, kTimeoutMs)) {
    RETURN_IF_ERROR(killed);
    absl::StatusOr<std::vector<int32_t>> pids = CgroupPids(failed);
    const std::string who = pids.ok() && !pids->empty() ? absl::StrCat(": process ", pids->front()) : "";
    return absl::FailedPreconditionError(absl::StrCat("cgroup ", failed, who, " does not end"));
  }
  // A v1 directory stays busy for a moment after its last process was reaped.
  int error = 0, pause = 1;
  for (int waited = 0; waited < 2000; waited += pause, pause = std::min(pause * 2, kLongestPauseMs)) {
    error = RemoveAll(dirs, &failed);
    if (error != EBUSY) break;
    Pause(pause);
  }
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("remove cgroup ", failed));
}

}  // namespace coracle::runtime
