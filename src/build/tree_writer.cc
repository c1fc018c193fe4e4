#include "build/tree_writer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <cerrno>
#include <deque>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "os/file.h"
#include "storage/copy_content.h"
#include "storage/copy_node.h"
#include "storage/copy_xattrs.h"

namespace coracle::build {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own bound

absl::Status SetAttributes(int fd, const NodeAttributes& attributes) {
  // Owner, then mode: chown clears set-id bits.
  if (fchown(fd, attributes.uid, attributes.gid) != 0) return ErrnoStatus(errno, "set the owner");
  if (fchmod(fd, attributes.mode & 07777) != 0) return ErrnoStatus(errno, "set the mode");
  return absl::OkStatus();
}

absl::Status SetTime(int fd, const timespec& mtime) {
  const timespec times[2] = {mtime, mtime};
  return futimens(fd, times) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "set the time");
}

std::pair<std::string, std::string> SplitPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string Join(const std::string& directory, absl::string_view name) {
  return directory.empty() ? std::string(name) : absl::StrCat(directory, "/", name);
}

}  // namespace

absl::StatusOr<TreeWriter> TreeWriter::Open(const LayerWork& work) {
  ASSIGN_OR_RETURN(storage::MergedTree below, storage::MergedTree::Open(work.lower(), work.user_xattr()));
  ASSIGN_OR_RETURN(os::UniqueFd root, os::OpenAt(AT_FDCWD, work.upper(), O_RDONLY | O_DIRECTORY));
  TreeWriter writer(std::move(below), std::move(root), work);
  struct stat info;
  if (fstat(writer.root_.get(), &info) != 0) return ErrnoStatus(errno, "stat the new layer");
  writer.times_.push_back({"", info.st_mtim});
  return writer;
}

absl::StatusOr<TreeWriter::Place> TreeWriter::Resolve(absl::string_view path) const {
  // The layer's own content counts first: a step may write twice to one place.
  std::vector<std::string> directories = {upper_};
  directories.insert(directories.end(), below_.directories().begin(), below_.directories().end());
  ASSIGN_OR_RETURN(const storage::MergedTree tree, storage::MergedTree::Open(directories, user_xattr_));
  std::deque<std::string> rest = absl::StrSplit(path, '/', absl::SkipEmpty());
  std::vector<storage::MergedTree::Directory> way = {tree.Root()};
  int links = 0;
  Place place{"", true, true};
  std::vector<std::string> missing;
  while (!rest.empty()) {
    const std::string name = std::move(rest.front());
    rest.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      if (!missing.empty()) {
        missing.pop_back();
      } else if (way.size() > 1) {
        way.pop_back();
      }
      continue;
    }
    if (!missing.empty()) {
      missing.push_back(name);
      continue;
    }
    ASSIGN_OR_RETURN(const storage::MergedTree::Opened opened, tree.OpenDirectory(way.back()));
    ASSIGN_OR_RETURN(const auto entry, opened.Find(name));
    if (!entry.has_value()) {
      missing.push_back(name);
    } else if (S_ISDIR(entry->info.st_mode)) {
      way.push_back(storage::MergedTree::Child(way.back(), name, *entry));
    } else if (S_ISLNK(entry->info.st_mode)) {
      if (++links > kMaxLinks) return ErrnoStatus(ELOOP, path);
      ASSIGN_OR_RETURN(const std::string target, os::ReadLinkAt(opened.FdOfLayer(entry->layer), name));
      if (!target.empty() && target[0] == '/') way.resize(1);
      const std::vector<std::string> parts = absl::StrSplit(target, '/', absl::SkipEmpty());
      rest.insert(rest.begin(), parts.begin(), parts.end());
    } else {
      if (!rest.empty()) return ErrnoStatus(ENOTDIR, absl::StrCat("/", Join(way.back().path, name)));
      return Place{Join(way.back().path, name), true, false};
    }
  }
  place.path = way.back().path;
  for (const std::string& name : missing) {
    place.path = Join(place.path, name);
    place.exists = place.is_directory = false;
  }
  return place;
}

std::string TreeWriter::PathOf(const std::string& name) const {
  std::string path;
  for (size_t i = 1; i < levels_.size(); ++i) path = Join(path, levels_[i].name);
  return Join(path, name);
}

absl::Status TreeWriter::LikeBelow(const Level& parent, const storage::MergedTree::Entry& entry,
                                   const std::string& name, int fd) {
  ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(parent.opened->FdOfLayer(entry.layer), name,
                                                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  RETURN_IF_ERROR(storage::CopyMetadata(source.get(), fd, entry.info));
  times_.push_back({PathOf(name), entry.info.st_mtim});
  return absl::OkStatus();
}

absl::Status TreeWriter::Push(const std::string& name, const NodeAttributes& attributes) {
  const Level& parent = levels_.back();
  std::optional<storage::MergedTree::Entry> entry;
  if (parent.opened.has_value()) {
    ASSIGN_OR_RETURN(entry, parent.opened->Find(name));
  }
  const bool is_directory = entry.has_value() && S_ISDIR(entry->info.st_mode);
  const bool made = mkdirat(parent.fd.get(), name.c_str(), 0755) == 0;
  if (!made && errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("make directory /", PathOf(name)));
  if (made && entry.has_value() && !is_directory) {
    (void)unlinkat(parent.fd.get(), name.c_str(), AT_REMOVEDIR);
    return absl::FailedPreconditionError(absl::StrCat("cannot copy to non-directory: /", PathOf(name)));
  }
  Level level;
  level.name = name;
  ASSIGN_OR_RETURN(level.fd, os::OpenAt(parent.fd.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                   "cannot copy to non-directory");
  if (made && is_directory) {
    RETURN_IF_ERROR(LikeBelow(parent, *entry, name, level.fd.get()), "/", PathOf(name));
  } else if (made) {
    NodeAttributes own = attributes;
    own.mode = 0755;
    RETURN_IF_ERROR(SetAttributes(level.fd.get(), own), "/", PathOf(name));
    if (attributes.mtime.has_value()) times_.push_back({PathOf(name), *attributes.mtime});
  }
  if (is_directory) {
    level.below = storage::MergedTree::Child(*parent.below, name, *entry);
    ASSIGN_OR_RETURN(level.opened, below_.OpenDirectory(*level.below));
  }
  levels_.push_back(std::move(level));
  return absl::OkStatus();
}

absl::StatusOr<int> TreeWriter::Enter(const std::string& path, const NodeAttributes& parents) {
  if (levels_.empty()) {
    Level root;
    ASSIGN_OR_RETURN(root.fd, os::OpenAt(root_.get(), ".", O_RDONLY | O_DIRECTORY));
    root.below = below_.Root();
    ASSIGN_OR_RETURN(root.opened, below_.OpenDirectory(*root.below));
    levels_.push_back(std::move(root));
  }
  const std::vector<std::string> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  size_t same = 0;
  while (same < names.size() && same + 1 < levels_.size() && levels_[same + 1].name == names[same]) ++same;
  levels_.resize(same + 1);
  for (; same < names.size(); ++same) RETURN_IF_ERROR(Push(names[same], parents));
  return levels_.back().fd.get();
}

absl::Status TreeWriter::MakeDirectories(const std::string& path, const NodeAttributes& parents) {
  return Enter(path, parents).status();
}

absl::Status TreeWriter::PutDirectory(const std::string& path, const NodeAttributes& attributes) {
  ASSIGN_OR_RETURN(const int fd, Enter(path, attributes));
  RETURN_IF_ERROR(SetAttributes(fd, attributes), "/", path);
  if (attributes.mtime.has_value()) times_.push_back({path, *attributes.mtime});
  return absl::OkStatus();
}

// What an earlier source of the same step left goes; a directory stays.
absl::Status TreeWriter::ClearFor(const Level& parent, const std::string& name) {
  if (parent.opened.has_value()) {
    ASSIGN_OR_RETURN(const auto entry, parent.opened->Find(name));
    if (entry.has_value() && S_ISDIR(entry->info.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot replace directory /", PathOf(name), " with a file"));
    }
  }
  if (unlinkat(parent.fd.get(), name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno == EISDIR || errno == EPERM) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot replace directory /", PathOf(name), " with a file"));
  }
  return ErrnoStatus(errno, absl::StrCat("replace /", PathOf(name)));
}

absl::Status TreeWriter::CopyRegular(int to, const std::string& name, int from, const std::string& from_name,
                                     const NodeAttributes& attributes) {
  ASSIGN_OR_RETURN(const os::UniqueFd source,
                   os::OpenAt(from, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat info;
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, "stat");
  if (!S_ISREG(info.st_mode)) return absl::AbortedError("it was replaced while it was copied");
  const bool taken = copies_ != nullptr && copies_->Take(info, to, name);
  ASSIGN_OR_RETURN(const os::UniqueFd target,
                   os::OpenAt(to, name, O_WRONLY | O_NOFOLLOW | (taken ? 0 : O_CREAT | O_EXCL), 0600));
  if (info.st_size > 0 && !taken) RETURN_IF_ERROR(storage::CopyContent(source.get(), target.get()));
  RETURN_IF_ERROR(SetAttributes(target.get(), attributes));
  RETURN_IF_ERROR(storage::CopyXattrs({source.get(), ""}, {target.get(), ""}, {}));
  return attributes.mtime.has_value() ? SetTime(target.get(), *attributes.mtime) : absl::OkStatus();
}

absl::Status TreeWriter::PutNode(const std::string& path, int from, const std::string& from_name,
                                 const struct stat& info, const NodeAttributes& attributes) {
  const auto [directory, name] = SplitPath(path);
  NodeAttributes parents = attributes;
  parents.mtime.reset();
  ASSIGN_OR_RETURN(const int to, Enter(directory, parents));
  RETURN_IF_ERROR(ClearFor(levels_.back(), name));
  if (info.st_nlink > 1) {
    const auto [first, is_new] = copied_.try_emplace(std::make_pair(info.st_dev, info.st_ino), path);
    if (!is_new) {
      if (linkat(root_.get(), first->second.c_str(), to, name.c_str(), 0) == 0) return absl::OkStatus();
      if (errno != EMLINK && errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("link /", path));
    }
  }
  if (S_ISREG(info.st_mode)) {
    RETURN_IF_ERROR(CopyRegular(to, name, from, from_name, attributes), "copy ", from_name);
    return absl::OkStatus();
  }
  if (S_ISLNK(info.st_mode)) {
    ASSIGN_OR_RETURN(const std::string target, os::ReadLinkAt(from, from_name));
    if (symlinkat(target.c_str(), to, name.c_str()) != 0) {
      return ErrnoStatus(errno, absl::StrCat("make link /", path));
    }
  } else if (S_ISSOCK(info.st_mode)) {
    return absl::OkStatus();  // an archive has none
  } else if (mknodat(to, name.c_str(), info.st_mode, info.st_rdev) != 0) {
    return ErrnoStatus(errno, absl::StrCat("make node /", path));
  }
  if (fchownat(to, name.c_str(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of /", path));
  }
  if (!S_ISLNK(info.st_mode)) (void)fchmodat(to, name.c_str(), attributes.mode & 07777, 0);
  if (!attributes.mtime.has_value()) return absl::OkStatus();
  const timespec times[2] = {*attributes.mtime, *attributes.mtime};
  if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("set the time of /", path));
}

absl::Status TreeWriter::PutContent(const std::string& path, absl::string_view content,
                                    const NodeAttributes& attributes) {
  const auto [directory, name] = SplitPath(path);
  NodeAttributes parents = attributes;
  parents.mtime.reset();
  ASSIGN_OR_RETURN(const int to, Enter(directory, parents));
  RETURN_IF_ERROR(ClearFor(levels_.back(), name));
  ASSIGN_OR_RETURN(const os::UniqueFd target,
                   os::OpenAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  RETURN_IF_ERROR(os::WriteAll(target.get(), content), "write /", path);
  RETURN_IF_ERROR(SetAttributes(target.get(), attributes), "/", path);
  return attributes.mtime.has_value() ? SetTime(target.get(), *attributes.mtime) : absl::OkStatus();
}

absl::Status TreeWriter::Finish() {
  levels_.clear();
  // The last word on a directory counts.
  for (const Times& times : times_) {
    ASSIGN_OR_RETURN(const os::UniqueFd directory,
                     os::OpenBeneath(root_.get(), times.path.empty() ? "." : times.path,
                                     O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    RETURN_IF_ERROR(SetTime(directory.get(), times.mtime), "/", times.path);
  }
  times_.clear();
  return absl::OkStatus();
}

}  // namespace coracle::build
