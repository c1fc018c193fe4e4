#include "runtime/cgroup_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::runtime {
namespace {

constexpr mode_t kMode = 0755;
// A container may make cgroups of its own below its; deeper than this nobody looks.
constexpr int kMaxDepth = 64;

// Names of the directories in `path`.
std::vector<std::string> Children(const std::string& path) {
  std::vector<std::string> names;
  DIR* stream = opendir(path.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(stream);
  return names;
}

absl::Status AppendPids(const std::string& path, int depth, std::vector<int32_t>* pids) {
  absl::StatusOr<std::string> text = os::ReadFileAt(AT_FDCWD, absl::StrCat(path, "/cgroup.procs"));
  if (!text.ok()) {
    const int error = ErrnoOf(text.status());
    // ENODEV: removed since it was opened. EOPNOTSUPP: a threaded cgroup, its processes are listed above it.
    return error == ENOENT || error == ENODEV || error == EOPNOTSUPP ? absl::OkStatus() : text.status();
  }
  for (absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    int32_t pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids->push_back(pid);  // 0: in a pid namespace we can't see
  }
  if (depth >= kMaxDepth) return absl::OkStatus();
  for (const std::string& child : Children(path)) {
    RETURN_IF_ERROR(AppendPids(absl::StrCat(path, "/", child), depth + 1, pids));
  }
  return absl::OkStatus();
}

int RemoveTree(const std::string& path, int depth) {
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return 0;
  if (errno != EBUSY && errno != ENOTEMPTY) return errno;
  int first = 0;
  if (depth < kMaxDepth) {
    for (const std::string& child : Children(path)) {
      const int error = RemoveTree(absl::StrCat(path, "/", child), depth + 1);
      if (first == 0) first = error;
    }
  }
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return 0;
  return first != 0 ? first : errno;
}

// `path` and its parents below `mount`; ENOENT if somebody removed a parent meanwhile.
int MakeWithParents(absl::string_view mount, const std::string& path, bool* made) {
  for (size_t slash = path.find('/', mount.size() + 1);; slash = path.find('/', slash + 1)) {
    const bool last = slash == std::string::npos;
    const std::string part = last ? path : path.substr(0, slash);
    if (mkdir(part.c_str(), kMode) != 0) {
      if (errno != EEXIST) return errno;
      if (last) *made = false;
    }
    if (last) return 0;
  }
}

}  // namespace

int MakeCgroupDirectory(absl::string_view mount, const std::string& path, bool* made) {
  *made = true;
  // Parents are left in place when a container goes, so this is the usual case.
  if (mkdir(path.c_str(), kMode) == 0) return 0;
  if (errno == EEXIST) {
    *made = false;
    return 0;
  }
  int error = errno;
  for (int attempt = 0; error == ENOENT && attempt < 10; ++attempt)
    error = MakeWithParents(mount, path, made);
  if (error != 0) *made = false;
  return error;
}

int InheritCpuset(const std::string& mount, const std::string& path) {
  std::string parent = mount;
  for (size_t slash = path.find('/', mount.size() + 1);; slash = path.find('/', slash + 1)) {
    const bool last = slash == std::string::npos;
    const std::string part = last ? path : path.substr(0, slash);
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
      const std::optional<std::string> now = ReadCgroupFile(part, file);
      if (!now.has_value()) return ENOENT;
      if (!absl::StripAsciiWhitespace(*now).empty()) continue;
      const std::optional<std::string> above = ReadCgroupFile(parent, file);
      if (!above.has_value()) return ENOENT;
      const int error = WriteCgroupFile(part, file, absl::StripAsciiWhitespace(*above));
      if (error != 0) return error;
    }
    if (last) return 0;
    parent = part;
  }
}

int WriteCgroupFile(const std::string& directory, absl::string_view file, absl::string_view value) {
  const std::string path = absl::StrCat(directory, "/", file);
  const os::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return errno;
  ssize_t written;
  do {
    written = write(fd.get(), value.data(), value.size());
  } while (written < 0 && errno == EINTR);
  return written < 0 ? errno : 0;
}

std::optional<std::string> ReadCgroupFile(const std::string& directory, absl::string_view file) {
  absl::StatusOr<std::string> text = os::ReadFileAt(AT_FDCWD, absl::StrCat(directory, "/", file), 1 << 20);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

std::optional<uint64_t> ReadCgroupNumber(const std::string& directory, absl::string_view file) {
  const std::optional<std::string> text = ReadCgroupFile(directory, file);
  if (!text.has_value()) return std::nullopt;
  const absl::string_view word = absl::StripAsciiWhitespace(*text);
  uint64_t value = 0;
  if (word == "max") return UINT64_MAX;
  if (!absl::SimpleAtoi(word, &value)) return std::nullopt;
  return value;
}

std::optional<uint64_t> CgroupField(absl::string_view text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    uint64_t value = 0;
    if (absl::ConsumePrefix(&line, key) && absl::ConsumePrefix(&line, " ") &&
        absl::SimpleAtoi(line, &value)) {
      return value;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<int32_t>> CgroupPids(const std::string& path) {
  std::vector<int32_t> pids;
  RETURN_IF_ERROR(AppendPids(path, 0, &pids));
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

int RemoveCgroupTree(const std::string& path) { return RemoveTree(path, 0); }

}  // namespace coracle::runtime
