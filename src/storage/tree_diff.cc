#include "storage/tree_diff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/status.h"
#include "os/file.h"

namespace coracle::storage {
namespace {

constexpr int kMaxDepth = 2048;

using Directory = MergedTree::Directory;
using Entry = MergedTree::Entry;
using Opened = MergedTree::Opened;

bool SameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// The extended attributes that an image keeps.
std::map<std::string, std::string> XattrsOf(int fd, const std::string& name) {
  std::map<std::string, std::string> found;
  const std::string path = absl::StrCat("/proc/self/fd/", fd, "/", name);
  char names[4096];
  const ssize_t length = llistxattr(path.c_str(), names, sizeof(names));
  for (const char* at = names; length > 0 && at < names + length;
       at += std::char_traits<char>::length(at) + 1) {
    if (archive::IsOverlayXattr(at) || absl::string_view(at) == "security.selinux") continue;
    std::string value(64 << 10, '\0');
    const ssize_t size = lgetxattr(path.c_str(), at, value.data(), value.size());
    if (size < 0) continue;
    value.resize(static_cast<size_t>(size));
    found[at] = std::move(value);
  }
  return found;
}

class Comparer {
 public:
  Comparer(const MergedTree& newer, const MergedTree& older,
           const std::function<bool(const std::string&)>& skip)
      : newer_(newer), older_(older), skip_(skip) {
    const auto& a = newer.directories();
    const auto& b = older.directories();
    while (common_ < a.size() && common_ < b.size() &&
           a[a.size() - 1 - common_] == b[b.size() - 1 - common_]) {
      ++common_;
    }
    is_superset_ = common_ == b.size();
  }

  absl::StatusOr<std::vector<Change>> Run() {
    const Directory now = newer_.Root();
    const Directory before = older_.Root();
    RETURN_IF_ERROR(CompareDirectories(now, before, /*hides=*/false, 0));
    if (newer_.directories().empty() || older_.directories().empty()) return std::move(changes_);
    struct stat a, b;
    if (fstat(newer_.root_fd(0), &a) == 0 && fstat(older_.root_fd(0), &b) == 0 &&
        (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid)) {
      changes_.insert(changes_.begin(), {.kind = ChangeKind::kModified, .is_directory = true});
    }
    return std::move(changes_);
  }

 private:
  struct Seen {
    std::string name;
    std::optional<Entry> now, before;
    bool differs = false;  // where both are there
  };

  // How many of the first layers of `directory` the two trees do not share from there on down.
  size_t OwnLayers(const Directory& now, const Directory& before, bool of_newer) const {
    const auto& a = newer_.directories();
    const auto& b = older_.directories();
    size_t i = now.layers.size();
    size_t j = before.layers.size();
    while (i > 0 && j > 0 && a[now.layers[i - 1]] == b[before.layers[j - 1]]) --i, --j;
    return of_newer ? i : j;
  }

  absl::Status CompareDirectories(const Directory& now, const Directory& before, bool hides, int depth) {
    if (depth > kMaxDepth)
      return absl::InvalidArgumentError(absl::StrCat(now.path, ": the tree is too deep"));
    const size_t own = OwnLayers(now, before, true);
    const size_t theirs = OwnLayers(now, before, false);
    if (own == 0 && theirs == 0) return absl::OkStatus();
    std::vector<Seen> seen;
    RETURN_IF_ERROR(Look(now, before, own, theirs, seen), now.path);
    for (const Seen& one : seen) RETURN_IF_ERROR(Tell(now, before, one, hides, depth));
    return absl::OkStatus();
  }

  // All lookups of one directory, so that it is closed before the ones below are opened.
  absl::Status Look(const Directory& now, const Directory& before, size_t own, size_t theirs,
                    std::vector<Seen>& seen) {
    ASSIGN_OR_RETURN(const Opened a, newer_.OpenDirectory(now));
    ASSIGN_OR_RETURN(const Opened b, older_.OpenDirectory(before));
    std::map<std::string, bool> names;
    RETURN_IF_ERROR(a.AddNames(own, names));
    RETURN_IF_ERROR(b.AddNames(theirs, names));
    for (const auto& [name, unused] : names) {
      Seen one;
      one.name = name;
      ASSIGN_OR_RETURN(one.now, a.Find(name));
      ASSIGN_OR_RETURN(one.before, b.Find(name));
      if (one.now.has_value() && S_ISSOCK(one.now->info.st_mode)) one.now.reset();  // no archive has sockets
      if (!one.now.has_value() && !one.before.has_value()) continue;
      if (one.now.has_value() && one.before.has_value())
        one.differs = Differs(a, b, name, *one.now, *one.before);
      seen.push_back(std::move(one));
    }
    return absl::OkStatus();
  }

  bool Differs(const Opened& a, const Opened& b, const std::string& name, const Entry& now,
               const Entry& before) const {
    if (newer_.directories()[now.layer] == older_.directories()[before.layer]) return false;
    const struct stat& x = now.info;
    const struct stat& y = before.info;
    if (x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid) return true;
    const int fd_now = a.FdOfLayer(now.layer);
    const int fd_before = b.FdOfLayer(before.layer);
    if (S_ISDIR(x.st_mode)) {
      return !SameTime(x.st_mtim, y.st_mtim) || XattrsOf(fd_now, name) != XattrsOf(fd_before, name);
    }
    if (is_superset_) return true;
    if (x.st_rdev != y.st_rdev || x.st_size != y.st_size || !SameTime(x.st_mtim, y.st_mtim)) return true;
    if (S_ISLNK(x.st_mode)) {
      const auto one = os::ReadLinkAt(fd_now, name);
      const auto two = os::ReadLinkAt(fd_before, name);
      return !one.ok() || !two.ok() || *one != *two;
    }
    return XattrsOf(fd_now, name) != XattrsOf(fd_before, name);
  }

  absl::Status Tell(const Directory& now, const Directory& before, const Seen& one, bool hides, int depth) {
    Change change;
    change.path = now.path.empty() ? one.name : absl::StrCat(now.path, "/", one.name);
    if (skip_ != nullptr && skip_(change.path)) return absl::OkStatus();
    if (!one.now.has_value()) {
      change.kind = ChangeKind::kDeleted;
      change.below = hides;
      change.is_directory = S_ISDIR(one.before->info.st_mode);
      changes_.push_back(std::move(change));
      return absl::OkStatus();
    }
    change.layer = one.now->layer;
    change.is_directory = S_ISDIR(one.now->info.st_mode);
    const bool was_directory = one.before.has_value() && S_ISDIR(one.before->info.st_mode);
    if (!one.before.has_value()) change.kind = ChangeKind::kAdded;
    if (!change.is_directory) {
      if (!one.before.has_value() || one.differs || hides) changes_.push_back(std::move(change));
      return absl::OkStatus();
    }
    change.hides = hides || (was_directory && one.now->is_opaque);
    const Directory child = MergedTree::Child(now, one.name, *one.now);
    Directory child_before;
    if (was_directory) child_before = MergedTree::Child(before, one.name, *one.before);
    const bool certain = !one.before.has_value() || one.differs || change.hides || !was_directory;
    const bool hides_below = change.hides;
    const size_t place = changes_.size();
    changes_.push_back(std::move(change));
    RETURN_IF_ERROR(CompareDirectories(child, child_before, hides_below, depth + 1));
    // Unchanged itself, and nothing in it changed.
    if (!certain && changes_.size() == place + 1) changes_.pop_back();
    return absl::OkStatus();
  }

  const MergedTree& newer_;
  const MergedTree& older_;
  const std::function<bool(const std::string&)>& skip_;
  size_t common_ = 0;
  bool is_superset_ = false;  // `newer` is `older` with further layers over it
  std::vector<Change> changes_;
};

}  // namespace

absl::StatusOr<std::vector<Change>> DiffTrees(const MergedTree& newer, const MergedTree& older,
                                              const std::function<bool(const std::string&)>& skip) {
  return Comparer(newer, older, skip).Run();
}

}  // namespace coracle::storage
