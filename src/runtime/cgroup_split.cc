#include "runtime/cgroup_split.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "runtime/cgroup_dir.h"
#include "runtime/cgroup_v2.h"

namespace coracle::runtime {
namespace {

constexpr absl::string_view kLeaf = "/supervisor";

bool Holds(const std::string& directory, pid_t process) {
  const std::string wanted = absl::StrCat(process);
  const std::string text = ReadCgroupFile(directory, "cgroup.procs").value_or("");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line == wanted) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> EnterSupervisorLeaf(const CgroupLayout& layout) {
  if (!layout.v2.has_value() || !layout.v1.empty()) {
    return absl::FailedPreconditionError("--cgroups split needs a host with cgroup v2 only");
  }
  absl::string_view own = layout.v2->own;
  if (absl::ConsumeSuffix(&own, kLeaf)) return std::string(own);
  const std::string unit(own);
  if (unit == layout.v2->mount || !IsDelegated(unit)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--cgroups split: cgroup ", unit, " is not delegated to us: start it in a unit with Delegate=yes"));
  }
  const std::string leaf = absl::StrCat(unit, kLeaf);
  bool made = false;
  int error = MakeCgroupDirectory(layout.v2->mount, leaf, &made);
  // The command that waits for us until the container runs, and longer in the foreground.
  const pid_t parent = getppid();
  if (error == 0 && Holds(unit, parent)) error = WriteCgroupFile(leaf, "cgroup.procs", absl::StrCat(parent));
  if (error == 0) error = WriteCgroupFile(leaf, "cgroup.procs", "0");
  if (error != 0) return ErrnoStatus(error, absl::StrCat("move to cgroup ", leaf));
  return unit;
}

}  // namespace coracle::runtime
