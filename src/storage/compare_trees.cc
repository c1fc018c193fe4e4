#include "storage/compare_trees.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "os/file.h"

namespace coracle::storage {
namespace {

constexpr size_t kBlock = 256 << 10;
constexpr size_t kMaxXattrList = 64 << 10, kMaxXattrValue = 64 << 10;  // XATTR_LIST_MAX, XATTR_SIZE_MAX

using Difference = std::optional<std::string>;

std::string In(const std::string& dir, const std::string& name) {
  return dir.empty() ? name : absl::StrCat(dir, "/", name);
}

// Of the entry `name` in `dir`, a link itself.
absl::StatusOr<std::map<std::string, std::string>> Xattrs(int dir, const std::string& name) {
  const std::string path = absl::StrCat("/proc/self/fd/", dir, "/", name);
  std::string list(kMaxXattrList, '\0');
  const ssize_t size = llistxattr(path.c_str(), list.data(), list.size());
  std::map<std::string, std::string> xattrs;
  if (size < 0 && (errno == ENOTSUP || errno == EPERM)) return xattrs;
  if (size < 0) return ErrnoStatus(errno, absl::StrCat("list attributes of ", Printable(name)));
  list.resize(static_cast<size_t>(size));
  for (const absl::string_view key : absl::StrSplit(list, '\0', absl::SkipEmpty())) {
    // Labels are the host's, not the image's.
    if (key == "security.selinux") continue;
    std::string value(kMaxXattrValue, '\0');
    const std::string key_text(key);
    const ssize_t length = lgetxattr(path.c_str(), key_text.c_str(), value.data(), value.size());
    if (length < 0) return ErrnoStatus(errno, absl::StrCat("read ", key_text, " of ", Printable(name)));
    value.resize(static_cast<size_t>(length));
    xattrs[key_text] = std::move(value);
  }
  return xattrs;
}

class Comparer {
 public:
  absl::StatusOr<Difference> Directories(int a, int b, const std::string& path);

 private:
  absl::StatusOr<Difference> Entries(int a, int b, const std::string& name, const std::string& path);
  absl::StatusOr<Difference> Contents(int a, int b, const std::string& name);

  // Names of one file, by the inode in b: the inode in a, which is the same for all of them.
  std::map<std::pair<dev_t, ino_t>, ino_t> linked_;
};

absl::StatusOr<Difference> Comparer::Directories(int a, int b, const std::string& path) {
  auto names_a = os::ListDirectoryAt(a, ".");
  if (!names_a.ok()) return Difference(absl::StrCat(path, ": ", names_a.status().message()));
  ASSIGN_OR_RETURN(std::vector<std::string> names_b, os::ListDirectoryAt(b, "."));
  std::sort(names_a->begin(), names_a->end());
  std::sort(names_b.begin(), names_b.end());
  for (size_t i = 0; i < std::max(names_a->size(), names_b.size()); ++i) {
    if (i >= names_a->size() || (i < names_b.size() && names_b[i] < (*names_a)[i])) {
      return Difference(absl::StrCat(Printable(In(path, names_b[i])), ": missing"));
    }
    if (i >= names_b.size() || (*names_a)[i] < names_b[i]) {
      return Difference(absl::StrCat(Printable(In(path, (*names_a)[i])), ": should not be there"));
    }
  }
  for (const std::string& name : names_b) {
    const std::string full = In(path, name);
    ASSIGN_OR_RETURN(Difference difference, Entries(a, b, name, full));
    if (difference.has_value()) return difference;
  }
  return Difference();
}

// The first of what lstat(2) says that differs.
const char* StatDifference(const struct stat& a, const struct stat& b) {
  if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT)) return "type";
  if (a.st_mode != b.st_mode) return "mode";
  if (a.st_uid != b.st_uid || a.st_gid != b.st_gid) return "owner";
  const bool same_time = a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
  // A directory that its archive only implies has the time of its unpacking, and so has every whiteout.
  const bool whiteout = S_ISCHR(a.st_mode) && a.st_rdev == 0;
  if (!S_ISDIR(a.st_mode) && !whiteout && !same_time) return "modification time";
  if ((S_ISREG(a.st_mode) || S_ISLNK(a.st_mode)) && a.st_size != b.st_size) return "size";
  if ((S_ISCHR(a.st_mode) || S_ISBLK(a.st_mode)) && a.st_rdev != b.st_rdev) return "device number";
  return nullptr;
}

absl::StatusOr<Difference> Comparer::Entries(int a, int b, const std::string& name, const std::string& path) {
  const auto differs = [&](absl::string_view what) {
    return Difference(absl::StrCat(Printable(path), ": ", what));
  };
  struct stat stat_a, stat_b;
  if (fstatat(b, name.c_str(), &stat_b, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, absl::StrCat("stat ", path));
  }
  if (fstatat(a, name.c_str(), &stat_a, AT_SYMLINK_NOFOLLOW) != 0) return differs(strerror(errno));
  if (const char* what = StatDifference(stat_a, stat_b)) return differs(what);
  ASSIGN_OR_RETURN(const auto xattrs_b, Xattrs(b, name));
  const auto xattrs_a = Xattrs(a, name);
  if (!xattrs_a.ok() || *xattrs_a != xattrs_b) return differs("extended attributes");
  if (!S_ISDIR(stat_b.st_mode) && (stat_a.st_nlink > 1 || stat_b.st_nlink > 1)) {
    const auto [found, added] = linked_.emplace(std::pair(stat_b.st_dev, stat_b.st_ino), stat_a.st_ino);
    if (!added && found->second != stat_a.st_ino) return differs("is no hard link any more");
    if (!added) return Difference();  // compared by its first name
  }
  if (S_ISLNK(stat_b.st_mode)) {
    ASSIGN_OR_RETURN(const std::string target, os::ReadLinkAt(b, name));
    return os::ReadLinkAt(a, name).value_or("") == target ? Difference() : differs("link target");
  }
  if (S_ISREG(stat_b.st_mode)) {
    ASSIGN_OR_RETURN(const Difference difference, Contents(a, b, name));
    return difference.has_value() ? differs(*difference) : Difference();
  }
  if (!S_ISDIR(stat_b.st_mode)) return Difference();
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  ASSIGN_OR_RETURN(const os::UniqueFd dir_b, os::OpenAt(b, name, kFlags));
  const auto dir_a = os::OpenAt(a, name, kFlags);
  if (!dir_a.ok()) return differs(dir_a.status().message());
  return Directories(dir_a->get(), dir_b.get(), path);
}

absl::StatusOr<Difference> Comparer::Contents(int a, int b, const std::string& name) {
  ASSIGN_OR_RETURN(const os::UniqueFd file_b, os::OpenAt(b, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  const auto file_a = os::OpenAt(a, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file_a.ok()) return Difference(std::string(file_a.status().message()));
  const std::unique_ptr<char[]> block_a(new char[kBlock]), block_b(new char[kBlock]);
  for (off_t offset = 0;;) {
    const ssize_t count = pread(file_b.get(), block_b.get(), kBlock, offset);
    if (count < 0) return ErrnoStatus(errno, absl::StrCat("read ", Printable(name)));
    if (count == 0) return Difference();
    const ssize_t other = pread(file_a->get(), block_a.get(), static_cast<size_t>(count), offset);
    if (other != count || memcmp(block_a.get(), block_b.get(), static_cast<size_t>(count)) != 0) {
      return Difference("content");
    }
    offset += count;
  }
}

}  // namespace

absl::StatusOr<std::optional<std::string>> CompareTrees(int a, int b) {
  struct stat stat_a, stat_b;
  if (fstat(a, &stat_a) != 0 || fstat(b, &stat_b) != 0) return ErrnoStatus(errno, "stat");
  if (const char* what = StatDifference(stat_a, stat_b)) return Difference(absl::StrCat("/: ", what));
  return Comparer().Directories(a, b, "");
}

}  // namespace coracle::storage
