#include "storage/merge_layers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/status.h"
#include "os/file.h"
#include "storage/copy_node.h"
#include "storage/merged_tree.h"

namespace coracle::storage {
namespace {

constexpr int kMaxDepth = 2048;

class Merger {
 public:
  Merger(const MergedTree& tree, int to_root) : tree_(tree), nodes_(to_root) {}

  absl::Status Merge(const MergedTree::Directory& directory, int to, int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError(absl::StrCat(directory.path, ": too deep"));
    ASSIGN_OR_RETURN(const MergedTree::Opened opened, tree_.OpenDirectory(directory));
    std::map<std::string, bool> names;
    RETURN_IF_ERROR(opened.AddNames(opened.layers(), names));
    for (const auto& [name, unused] : names) {
      ASSIGN_OR_RETURN(const auto entry, opened.Find(name), directory.path);
      if (!entry.has_value()) continue;
      const MergedTree::Directory child = MergedTree::Child(directory, name, *entry);
      RETURN_IF_ERROR(MergeEntry(opened, child, name, *entry, to, depth), child.path);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status MergeEntry(const MergedTree::Opened& opened, const MergedTree::Directory& child,
                          const std::string& name, const MergedTree::Entry& entry, int to, int depth) {
    const int from = opened.FdOfLayer(entry.layer);
    if (!S_ISDIR(entry.info.st_mode)) {
      if (linkat(from, name.c_str(), to, name.c_str(), 0) == 0) return absl::OkStatus();
      if (errno != EMLINK && errno != EXDEV && errno != EPERM) return ErrnoStatus(errno, "link");
      return nodes_.CopyNode(from, to, name, child.path, entry.info);
    }
    RETURN_IF_ERROR(os::MakeDirectoryAt(to, name, 0700));
    ASSIGN_OR_RETURN(const os::UniqueFd made, os::OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(Merge(child, made.get(), depth + 1));
    ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return CopyMetadata(source.get(), made.get(), entry.info);
  }

  const MergedTree& tree_;
  NodeCopier nodes_;
};

}  // namespace

absl::Status MergeLayers(const std::vector<std::string>& layers, const std::string& to, bool user_xattr) {
  ASSIGN_OR_RETURN(const MergedTree tree, MergedTree::Open(layers, user_xattr));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, to, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(AT_FDCWD, to, O_RDONLY | O_DIRECTORY));
  Merger merger(tree, target.get());
  RETURN_IF_ERROR(merger.Merge(tree.Root(), target.get(), 0));
  struct stat info;
  if (fstat(tree.root_fd(0), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", layers[0]));
  return CopyMetadata(tree.root_fd(0), target.get(), info);
}

}  // namespace coracle::storage
