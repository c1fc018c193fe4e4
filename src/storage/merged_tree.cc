#include "storage/merged_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::storage {
namespace {

// What fuse-overlayfs writes into an opaque directory besides the marker of AUFS.
constexpr absl::string_view kFuseOpaque = ".wh..opq";

bool HasOpaqueName(int fd) {
  return os::ExistsAt(fd, archive::kOpaqueMarker) || os::ExistsAt(fd, kFuseOpaque);
}

}  // namespace

absl::StatusOr<MergedTree> MergedTree::Open(const std::vector<std::string>& directories, bool user_xattr) {
  MergedTree tree(directories, user_xattr);
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(os::UniqueFd root, os::OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
    tree.roots_.push_back(std::move(root));
  }
  return tree;
}

MergedTree::Directory MergedTree::Root() const {
  Directory root;
  for (size_t i = 0; i < roots_.size(); ++i) root.layers.push_back(i);
  return root;
}

MergedTree::Directory MergedTree::Child(const Directory& directory, const std::string& name,
                                        const Entry& entry) {
  return {directory.path.empty() ? name : absl::StrCat(directory.path, "/", name), entry.all};
}

absl::StatusOr<MergedTree::Opened> MergedTree::OpenDirectory(const Directory& directory) const {
  Opened opened;
  opened.marks_ = &marks_;
  for (const size_t layer : directory.layers) {
    auto fd = directory.path.empty()
                  ? os::OpenAt(roots_[layer].get(), ".", O_RDONLY | O_DIRECTORY)
                  : os::OpenBeneath(roots_[layer].get(), directory.path, O_RDONLY | O_DIRECTORY,
                                    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    // In a tree that lives, it may have gone or become something else.
    if (!fd.ok() &&
        (absl::IsNotFound(fd.status()) || ErrnoOf(fd.status()) == ENOTDIR || ErrnoOf(fd.status()) == ELOOP)) {
      continue;
    }
    RETURN_IF_ERROR(fd.status());
    opened.parts_.push_back({layer, *std::move(fd)});
  }
  return opened;
}

int MergedTree::Opened::FdOfLayer(size_t layer) const {
  for (const Part& part : parts_) {
    if (part.layer == layer) return part.fd.get();
  }
  return -1;
}

absl::Status MergedTree::Opened::AddNames(size_t layers, std::map<std::string, bool>& names) const {
  for (size_t i = 0; i < std::min(layers, parts_.size()); ++i) {
    ASSIGN_OR_RETURN(const std::vector<std::string> found, os::ListDirectoryAt(parts_[i].fd.get(), "."));
    for (const std::string& name : found) {
      if (name == archive::kOpaqueMarker || name == kFuseOpaque) continue;
      absl::string_view shown = name;
      absl::ConsumePrefix(&shown, archive::kWhiteoutPrefix);
      names.emplace(std::string(shown), true);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> MergedTree::Opened::FindIn(const Part& part, const std::string& name, Entry& entry,
                                                bool& found) const {
  const int fd = part.fd.get();
  struct stat info;
  if (fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("stat ", name));
    return os::ExistsAt(fd, absl::StrCat(archive::kWhiteoutPrefix, name));
  }
  if (!S_ISDIR(info.st_mode)) {
    // Below a directory of a layer above, it hides and is hidden.
    if (entry.all.empty() && !marks_->IsWhiteout(fd, name)) {
      entry.info = info;
      entry.layer = part.layer;
      found = true;
    }
    return true;
  }
  if (entry.all.empty()) {
    entry.info = info;
    entry.layer = part.layer;
    found = true;
  }
  entry.all.push_back(part.layer);
  ASSIGN_OR_RETURN(const os::UniqueFd child, os::OpenAt(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const bool opaque = marks_->IsOpaque(child.get()) || HasOpaqueName(child.get());
  if (opaque && entry.all.size() == 1) entry.is_opaque = true;
  return opaque;
}

absl::StatusOr<std::optional<MergedTree::Entry>> MergedTree::Opened::Find(const std::string& name) const {
  Entry entry;
  bool found = false;
  for (const Part& part : parts_) {
    ASSIGN_OR_RETURN(const bool hides, FindIn(part, name, entry, found), name);
    if (hides) break;
  }
  if (!found) return std::optional<Entry>();
  return std::optional<Entry>(std::move(entry));
}

}  // namespace coracle::storage
