#include "store/lock_holder.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::store {
namespace {

bool HoldsLock(const std::string& process, const struct stat& wanted) {
  const auto fds = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(process, "/fd"));
  if (!fds.ok()) return false;
  for (const std::string& fd : *fds) {
    struct stat info;
    if (stat(absl::StrCat(process, "/fd/", fd).c_str(), &info) != 0) continue;
    if (info.st_ino != wanted.st_ino || info.st_dev != wanted.st_dev) continue;
    const auto text = os::ReadFileAt(AT_FDCWD, absl::StrCat(process, "/fdinfo/", fd), 65536);
    if (text.ok() && absl::StrContains(*text, "\nlock:")) return true;
  }
  return false;
}

}  // namespace

std::string DescribeLockHolder(int fd) {
  struct stat wanted;
  const auto processes = os::ListDirectoryAt(AT_FDCWD, "/proc");
  if (!processes.ok() || fstat(fd, &wanted) != 0) return "another process";
  for (const std::string& name : *processes) {
    int pid = 0;
    if (!absl::SimpleAtoi(name, &pid) || pid == getpid()) continue;
    const std::string process = absl::StrCat("/proc/", pid);
    if (!HoldsLock(process, wanted)) continue;
    std::string command = os::ReadFileAt(AT_FDCWD, absl::StrCat(process, "/cmdline"), 1 << 20).value_or("");
    for (char& c : command) {
      if (c == '\0') c = ' ';
    }
    return absl::StrCat("pid ", pid, " (", Printable(absl::StripAsciiWhitespace(command)), ")");
  }
  return "another process";
}

}  // namespace coracle::store
