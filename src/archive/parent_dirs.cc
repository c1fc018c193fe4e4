#include "archive/parent_dirs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::archive {
namespace {

// Descriptors that one archive may hold; what lies deeper is looked up from the last of them.
constexpr size_t kMaxLevels = 32;

constexpr int kFlags = O_PATH | O_DIRECTORY;

}  // namespace

// How many levels stand for the beginning of `path`.
size_t ParentDirs::Shared(absl::string_view path) const {
  size_t count = 0;
  for (size_t begin = 0; count < levels_.size() && begin < path.size(); ++count) {
    const std::string& name = levels_[count].name;
    const absl::string_view rest = path.substr(begin);
    if (rest.substr(0, name.size()) != name) break;
    if (rest.size() > name.size() && rest[name.size()] != '/') break;
    begin += name.size() + 1;
  }
  return count;
}

absl::StatusOr<os::UniqueFd> ParentDirs::OpenOne(int above, absl::string_view prefix, const std::string& name,
                                                 bool& through_link) {
  for (int attempt = 0;; ++attempt) {
    os::UniqueFd fd(openat(above, name.c_str(), kFlags | O_NOFOLLOW | O_CLOEXEC));
    if (fd.valid()) return fd;
    if (errno == ENOENT && attempt == 0) {
      // The mode first of all: a default that a umask took from stays below it.
      if (mkdirat(above, name.c_str(), 0755) != 0 ||
          (chmod_made_ && fchmodat(above, name.c_str(), 0755, 0) != 0)) {
        return ErrnoStatus(errno, absl::StrCat("make directory ", prefix));
      }
      continue;
    }
    if (errno != ENOTDIR && errno != ELOOP) return ErrnoStatus(errno, absl::StrCat("open ", prefix));
    // A link, or no directory at all, which this says. A link that leads nowhere is no place to make one.
    auto linked = os::OpenBeneath(root_fd_, prefix, kFlags, RESOLVE_IN_ROOT);
    if (linked.ok()) {
      through_link = true;
      return linked;
    }
    if (ErrnoOf(linked.status()) != ENOENT) return linked.status();
    return ErrnoStatus(EEXIST, absl::StrCat("make directory ", prefix));
  }
}

absl::StatusOr<int> ParentDirs::Open(absl::string_view path) {
  if (!valid_) levels_.clear();
  valid_ = true;
  size_t count = Shared(path);
  levels_.resize(count);
  size_t begin = 0;
  for (const Level& level : levels_) begin += level.name.size() + 1;
  while (begin < path.size()) {
    const size_t slash = path.find('/', begin);
    const size_t end = slash == absl::string_view::npos ? path.size() : slash;
    Level level;
    level.name = std::string(path.substr(begin, end - begin));
    level.through_link = count > 0 && levels_.back().through_link;
    const int above = count > 0 ? levels_.back().fd.get() : root_fd_;
    const absl::string_view prefix = path.substr(0, end);
    ASSIGN_OR_RETURN(level.fd, OpenOne(above, prefix, level.name, level.through_link));
    level.foreign_group = level.through_link || foreign_groups_.contains(prefix);
    if (count < kMaxLevels) {
      levels_.push_back(std::move(level));
      ++count;
    } else {
      // The last level stands for several components.
      level.name = absl::StrCat(levels_.back().name, "/", level.name);
      levels_.back() = std::move(level);
    }
    begin = end + 1;
  }
  return levels_.empty() ? root_fd_ : levels_.back().fd.get();
}

}  // namespace coracle::archive
