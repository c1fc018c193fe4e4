#include "os/rooted_path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "os/mount.h"
#include "os/unique_fd.h"

namespace coracle::os {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's MAXSYMLINKS

// The parent of the next component to make, and the text of what is still to be walked.
struct Walk {
  char rest[PATH_MAX];
  int links = 0;
};

// Puts the target of the link `name` in `parent` in front of what follows it. `absolute` says whether the
// walk starts again at the root.
int Substitute(Walk& walk, int parent, const char* name, const char* after, bool* absolute) {
  char text[PATH_MAX];
  const ssize_t length = readlinkat(parent, name, text, sizeof(text) - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  if (++walk.links > kMaxLinks) return -ELOOP;
  *absolute = text[0] == '/';
  const size_t used = static_cast<size_t>(length);
  const size_t tail = strlen(after);
  if (used + 1 + tail >= sizeof(text)) return -ENAMETOOLONG;
  text[used] = '/';
  memcpy(text + used + 1, after, tail + 1);
  memcpy(walk.rest, text, used + 1 + tail + 1);
  return 0;
}

int MakeLast(int parent, const char* name, RootedPath::Kind kind) {
  if (kind == RootedPath::Kind::kDirectory) return mkdirat(parent, name, 0755) == 0 ? 0 : -errno;
  const int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return -errno;
  close(fd);
  return 0;
}

// Creates as it walks, one component at a time, each step by descriptor. A link restarts the walk with its
// text; the kernel resolves ".." and every prefix inside the root.
int WalkAndMake(int root_fd, Walk& walk, RootedPath::Kind kind) {
  UniqueFd at(OpenResolved(root_fd, ".", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT));
  if (at.get() < 0) return at.get();
  char prefix[PATH_MAX] = ".";
  while (true) {
    char* name = walk.rest + strspn(walk.rest, "/");
    if (*name == '\0') return at.Release();
    const size_t length = strcspn(name, "/");
    const char* after = name + length + strspn(name + length, "/");
    if (length > NAME_MAX) return -ENAMETOOLONG;
    char component[NAME_MAX + 1];
    memcpy(component, name, length);
    component[length] = '\0';
    const bool last = *after == '\0';
    const bool dots = strcmp(component, ".") == 0 || strcmp(component, "..") == 0;
    if (!dots) {
      const int made = MakeLast(at.get(), component, last ? kind : RootedPath::Kind::kDirectory);
      if (made < 0 && made != -EEXIST) {
        // A read-only or full file system refuses even what exists; what exists is fine.
        struct stat info;
        if (fstatat(at.get(), component, &info, AT_SYMLINK_NOFOLLOW) != 0) return made;
      }
      struct stat info;
      if (fstatat(at.get(), component, &info, AT_SYMLINK_NOFOLLOW) != 0) return -errno;
      if (S_ISLNK(info.st_mode)) {
        bool absolute = false;
        const int result = Substitute(walk, at.get(), component, after, &absolute);
        if (result < 0) return result;
        if (absolute) {
          strcpy(prefix, ".");
          at.Reset(OpenResolved(root_fd, ".", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT));
          if (at.get() < 0) return at.get();
        }
        continue;
      }
    }
    const size_t used = strlen(prefix);
    if (used + 1 + length >= sizeof(prefix)) return -ENAMETOOLONG;
    prefix[used] = '/';
    memcpy(prefix + used + 1, component, length + 1);
    // From the root again, so that ".." can never pass it and a directory moved meanwhile is not followed
    // out.
    UniqueFd next(OpenResolved(root_fd, prefix, O_PATH, RESOLVE_IN_ROOT));
    if (next.get() < 0) return next.get();
    at = std::move(next);
    memmove(walk.rest, after, strlen(after) + 1);
  }
}

}  // namespace

absl::StatusOr<RootedPath> RootedPath::Parse(absl::string_view path) {
  if (absl::StrContains(path, '\0')) return absl::InvalidArgumentError("a path contains a NUL byte");
  std::vector<absl::string_view> clean;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part == "..") {
      if (!clean.empty()) clean.pop_back();
      continue;
    }
    clean.push_back(part);
  }
  if (clean.empty()) return RootedPath();
  std::string joined = absl::StrJoin(clean, "/");
  if (joined.size() >= PATH_MAX / 2)
    return absl::InvalidArgumentError(absl::StrCat("path too long: ", joined));
  return RootedPath(std::move(joined));
}

bool RootedPath::IsBelow(absl::string_view prefix) const {
  const absl::string_view own = path_;
  return own == prefix || (absl::StartsWith(own, prefix) && own[prefix.size()] == '/');
}

int RootedPath::Open(int root_fd, uint64_t flags, Links links, mode_t mode) const {
  const uint64_t resolve = RESOLVE_IN_ROOT | (links == Links::kRefuse ? RESOLVE_NO_SYMLINKS : 0);
  return OpenResolved(root_fd, path_.c_str(), flags, resolve, mode);
}

int RootedPath::OpenBelow(int mount_fd, size_t skip, uint64_t flags) const {
  if (skip >= path_.size()) return -EINVAL;
  return OpenResolved(mount_fd, path_.c_str() + skip, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int RootedPath::OpenOrCreate(int root_fd, Kind kind) const {
  const int fd = Open(root_fd, O_PATH, Links::kFollowInRoot);
  if (fd != -ENOENT) return fd;
  Walk walk;
  if (path_.size() >= sizeof(walk.rest)) return -ENAMETOOLONG;
  memcpy(walk.rest, path_.c_str(), path_.size() + 1);
  return WalkAndMake(root_fd, walk, kind);
}

}  // namespace coracle::os
