#include "runtime/cgroup_host.h"

#include <fcntl.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::runtime {
namespace {

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3') {
      out.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// Where `cgroup` (of /proc/self/cgroup) lies below a mount whose root is `root`. A mount of a part of the
// tree (a container without a cgroup namespace) shows our cgroup relative to that part.
std::string OwnDirectory(absl::string_view mount, absl::string_view root, absl::string_view cgroup) {
  absl::string_view rest = cgroup;
  if (root != "/") {
    if (!absl::ConsumePrefix(&rest, root) || (!rest.empty() && rest[0] != '/')) return std::string(mount);
  }
  if (rest.empty() || rest == "/" || absl::StartsWith(rest, "/..")) return std::string(mount);
  return absl::StrCat(mount, rest);
}

// The path in /proc/self/cgroup of the hierarchy with `controller` ("" for v2).
absl::string_view SelfPath(absl::string_view self_cgroup, absl::string_view controller) {
  for (absl::string_view line : absl::StrSplit(self_cgroup, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (controller.empty() ? parts[1].empty() : false) return parts[2];
    for (absl::string_view name : absl::StrSplit(parts[1], ',')) {
      if (!controller.empty() && name == controller) return parts[2];
    }
  }
  return "/";
}

// Mount options of a v1 hierarchy that are no controllers.
bool IsV1Option(absl::string_view option) {
  return option == "rw" || option == "ro" || option == "noprefix" || option == "clone_children" ||
         option == "xattr" || option == "none" || absl::StartsWith(option, "release_agent=") ||
         option == "cpuset_v2_mode" || option == "seclabel" || absl::StartsWith(option, "favordynmods") ||
         option == "nofavordynmods";
}

}  // namespace

const CgroupHierarchy* CgroupLayout::FindV1(absl::string_view controller) const {
  for (const CgroupHierarchy& h : v1) {
    if (std::find(h.controllers.begin(), h.controllers.end(), controller) != h.controllers.end()) return &h;
  }
  return nullptr;
}

bool CgroupLayout::V2Has(absl::string_view controller) const {
  return v2.has_value() &&
         std::find(v2->controllers.begin(), v2->controllers.end(), controller) != v2->controllers.end();
}

CgroupLayout ParseCgroupLayout(absl::string_view mountinfo, absl::string_view self_cgroup) {
  CgroupLayout layout;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    const size_t separator = line.find(" - cgroup");
    if (separator == absl::string_view::npos) continue;
    const std::vector<absl::string_view> left = absl::StrSplit(line.substr(0, separator), ' ');
    const std::vector<absl::string_view> right = absl::StrSplit(line.substr(separator + 3), ' ');
    if (left.size() < 6 || right.size() < 3) continue;
    const std::string root = Unescape(left[3]);
    CgroupHierarchy h;
    h.mount = Unescape(left[4]);
    if (right[0] == "cgroup2") {
      if (layout.v2.has_value()) continue;
      h.v2 = true;
      h.own = OwnDirectory(h.mount, root, SelfPath(self_cgroup, ""));
      layout.v2 = std::move(h);
    } else if (right[0] == "cgroup") {
      for (absl::string_view option : absl::StrSplit(right[2], ',')) {
        if (!IsV1Option(option)) h.controllers.emplace_back(option);
      }
      if (h.controllers.empty() || layout.FindV1(h.controllers[0]) != nullptr) continue;
      h.own = OwnDirectory(h.mount, root, SelfPath(self_cgroup, h.controllers[0]));
      layout.v1.push_back(std::move(h));
    }
  }
  return layout;
}

absl::StatusOr<CgroupLayout> DiscoverCgroups() {
  ASSIGN_OR_RETURN(const std::string mountinfo, os::ReadFileAt(AT_FDCWD, "/proc/self/mountinfo"));
  ASSIGN_OR_RETURN(const std::string self, os::ReadFileAt(AT_FDCWD, "/proc/self/cgroup", 1 << 20));
  CgroupLayout layout = ParseCgroupLayout(mountinfo, self);
  if (layout.v2.has_value()) {
    absl::StatusOr<std::string> names =
        os::ReadFileAt(AT_FDCWD, absl::StrCat(layout.v2->mount, "/cgroup.controllers"), 1 << 16);
    if (names.ok()) {
      layout.v2->controllers = absl::StrSplit(absl::StripSuffix(*names, "\n"), ' ', absl::SkipEmpty());
    }
  }
  return layout;
}

absl::StatusOr<std::string> CleanCgroupPath(absl::string_view path) {
  if (path.size() > 4096 || absl::StrContains(path, '\0')) {
    return absl::InvalidArgumentError("cgroup path: longer than 4096 bytes or with a NUL byte");
  }
  std::string clean;
  for (absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..")
      return absl::InvalidArgumentError(absl::StrCat("cgroup path ", path, ": contains '..'"));
    absl::StrAppend(&clean, "/", part);
  }
  if (clean.empty()) return absl::InvalidArgumentError("cgroup path: is empty");
  return clean;
}

}  // namespace coracle::runtime
