#include "engine/container_pids.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"
#include "runtime/cgroup.h"

namespace coracle::engine {

absl::StatusOr<std::vector<int32_t>> PidsOf(const ContainerView& view) {
  const std::vector<std::string> paths(view.state.cgroup_paths().begin(), view.state.cgroup_paths().end());
  if (!paths.empty()) {
    ASSIGN_OR_RETURN(const auto cgroup, runtime::Cgroup::Open(paths));
    return cgroup->Pids();
  }
  struct stat wanted;
  if (stat(absl::StrCat("/proc/", view.state.pid(), "/ns/pid").c_str(), &wanted) != 0) {
    return ErrnoStatus(errno, "read the container's pid namespace");
  }
  std::vector<int32_t> pids;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(AT_FDCWD, "/proc"));
  for (const std::string& name : names) {
    int32_t pid = 0;
    struct stat info;
    if (!absl::SimpleAtoi(name, &pid) || stat(absl::StrCat("/proc/", name, "/ns/pid").c_str(), &info) != 0)
      continue;
    if (info.st_ino == wanted.st_ino) pids.push_back(pid);
  }
  return pids;
}

absl::StatusOr<ProcessStat> ReadProcessStat(int pid) {
  ASSIGN_OR_RETURN(const std::string text,
                   os::ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/stat"), 1 << 16));
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');  // the name itself may contain parentheses
  if (open == std::string::npos || close == std::string::npos) return absl::NotFoundError("no such process");
  ProcessStat stat;
  stat.comm = text.substr(open + 1, close - open - 1);
  stat.fields = absl::StrSplit(absl::StripAsciiWhitespace(absl::string_view(text).substr(close + 1)), ' ');
  if (stat.fields.size() < 22) return absl::NotFoundError("no such process");
  return stat;
}

}  // namespace coracle::engine
