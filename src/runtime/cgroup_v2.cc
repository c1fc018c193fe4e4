#include "runtime/cgroup_v2.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/monotonic.h"
#include "runtime/cgroup_dir.h"

namespace coracle::runtime {
namespace {

bool Contains(absl::Span<const std::string> list, absl::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<std::string> Words(const std::string& directory, absl::string_view file) {
  const std::optional<std::string> text = ReadCgroupFile(directory, file);
  if (!text.has_value()) return {};
  return absl::StrSplit(absl::StripAsciiWhitespace(*text), ' ', absl::SkipEmpty());
}

// Whether passing controllers down from here is out of the question: "no internal processes". The kernel
// would take some of them ("+cpu") and turn the cgroup into a threaded one, whose children can't hold
// processes. The real root, which alone has no cgroup.type, is exempt.
bool HoldsProcesses(const std::string& directory) {
  if (faccessat(AT_FDCWD, absl::StrCat(directory, "/cgroup.type").c_str(), F_OK, 0) != 0) return false;
  return !ReadCgroupFile(directory, "cgroup.procs").value_or("").empty();
}

// Whether children of `directory` can have every one of `wanted`; switches on what is off.
bool CanGive(const std::string& directory, absl::Span<const std::string> wanted) {
  const std::vector<std::string> available = AvailableControllers(directory);
  for (const std::string& name : wanted) {
    if (!Contains(available, name)) return false;
  }
  const std::vector<std::string> on = Words(directory, "cgroup.subtree_control");
  for (const std::string& name : wanted) {
    if (Contains(on, name)) continue;
    if (HoldsProcesses(directory) ||
        WriteCgroupFile(directory, "cgroup.subtree_control", absl::StrCat("+", name)) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool IsDelegated(const std::string& directory) {
  const auto writable = [](const std::string& path) {
    return faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
  };
  return writable(directory) && writable(absl::StrCat(directory, "/cgroup.procs"));
}

std::string ChooseV2Base(const CgroupHierarchy& v2, absl::Span<const std::string> required,
                         absl::Span<const std::string> wanted) {
  if (IsDelegated(v2.mount)) return v2.mount;
  std::vector<std::string> delegated;
  std::string at = v2.own;
  while (at.size() > v2.mount.size() && IsDelegated(at)) {
    delegated.push_back(at);
    at = at.substr(0, at.rfind('/'));
  }
  // What systemd delegates to a user by default; cpuset and io only where somebody asked for them.
  std::vector<std::string> usual(required.begin(), required.end());
  for (const char* name : {"cpu", "memory", "pids"}) {
    if (Contains(wanted, name) && !Contains(usual, name)) usual.emplace_back(name);
  }
  for (const absl::Span<const std::string> set : {absl::MakeConstSpan(usual), required}) {
    for (const std::string& directory : delegated) {
      if (CanGive(directory, set)) return directory;
    }
  }
  return "";
}

void EnableControllers(const std::string& base, const std::string& path,
                       absl::Span<const std::string> wanted) {
  const std::vector<std::string> have = AvailableControllers(path);
  if (std::all_of(wanted.begin(), wanted.end(),
                  [&](const std::string& name) { return Contains(have, name); })) {
    return;
  }
  for (size_t end = base.size(); end != std::string::npos && end < path.size();
       end = path.find('/', end + 1)) {
    const std::string directory = path.substr(0, end);
    const std::vector<std::string> available = AvailableControllers(directory);
    const std::vector<std::string> on = Words(directory, "cgroup.subtree_control");
    if (HoldsProcesses(directory)) continue;
    for (const std::string& name : wanted) {
      if (!Contains(available, name) || Contains(on, name)) continue;
      // One at a time: one that is refused (EBUSY: processes in here; realtime processes for cpu) spoils no
      // other.
      (void)WriteCgroupFile(directory, "cgroup.subtree_control", absl::StrCat("+", name));
    }
  }
}

std::vector<std::string> AvailableControllers(const std::string& directory) {
  return Words(directory, "cgroup.controllers");
}

bool WaitForCgroupEvent(const std::string& directory, const char* key, uint64_t value, int timeout_ms) {
  const os::UniqueFd fd(open(absl::StrCat(directory, "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT && value == 0;
  const int64_t deadline = MonotonicMillis() + timeout_ms;
  for (;;) {
    char text[256];
    const ssize_t size = pread(fd.get(), text, sizeof(text), 0);
    if (size < 0) return errno == ENODEV && value == 0;
    if (CgroupField(absl::string_view(text, static_cast<size_t>(size)), key) == value) return true;
    const int64_t left = deadline - MonotonicMillis();
    if (left <= 0) return false;
    // kernfs tells of a change by POLLPRI, since the last read.
    pollfd wait = {fd.get(), POLLPRI, 0};
    (void)poll(&wait, 1, static_cast<int>(left));
  }
}

}  // namespace coracle::runtime
