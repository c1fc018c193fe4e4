#include "storage/copy_tree.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "archive/whiteout.h"
#include "base/status.h"
#include "os/file.h"
#include "storage/copy_node.h"

namespace coracle::storage {
namespace {

// Deeper trees than any path the kernel takes (PATH_MAX / 2) do not come from an archive.
constexpr int kMaxDepth = 2048;

class LayerCopier {
 public:
  LayerCopier(int to_root, bool user_xattr) : nodes_(to_root), marks_(user_xattr) {}

  // `from` and `to` are the directory `path` ("" is the root) of the layer and of the tree.
  absl::Status CopyContents(int from, int to, const std::string& path, int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError(absl::StrCat(path, ": the tree is too deep"));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(from, "."));
    for (const std::string& name : names) {
      const std::string entry = path.empty() ? name : absl::StrCat(path, "/", name);
      RETURN_IF_ERROR(CopyEntry(from, to, name, entry, depth), entry);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CopyEntry(int from, int to, const std::string& name, const std::string& path, int depth) {
    struct stat info;
    if (fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return ErrnoStatus(errno, "stat");
    if (S_ISDIR(info.st_mode)) return CopyDirectory(from, to, name, path, info, depth);
    RETURN_IF_ERROR(os::RemoveTreeAt(to, name));
    if (marks_.IsWhiteout(from, name) || S_ISSOCK(info.st_mode)) return absl::OkStatus();
    return nodes_.CopyNode(from, to, name, path, info);
  }

  absl::Status CopyDirectory(int from, int to, const std::string& name, const std::string& path,
                             const struct stat& info, int depth) {
    ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat there;
    const bool exists = fstatat(to, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && (!S_ISDIR(there.st_mode) || marks_.IsOpaque(source.get()))) {
      RETURN_IF_ERROR(os::RemoveTreeAt(to, name));
    }
    RETURN_IF_ERROR(os::MakeDirectoryAt(to, name, 0700));
    ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(CopyContents(source.get(), target.get(), path, depth + 1));
    return CopyMetadata(source.get(), target.get(), info);
  }

  NodeCopier nodes_;
  archive::OverlayMarks marks_;
};

}  // namespace

absl::Status CopyLayer(const std::string& from, const std::string& to, bool user_xattr) {
  ASSIGN_OR_RETURN(const os::UniqueFd source, os::OpenAt(AT_FDCWD, from, O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, to, 0700));
  ASSIGN_OR_RETURN(const os::UniqueFd target, os::OpenAt(AT_FDCWD, to, O_RDONLY | O_DIRECTORY));
  struct stat info;
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", from));
  LayerCopier copier(target.get(), user_xattr);
  RETURN_IF_ERROR(copier.CopyContents(source.get(), target.get(), "", 0), from);
  return CopyMetadata(source.get(), target.get(), info);
}

}  // namespace coracle::storage
