#include "build/layer_work.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "image/image_files.h"
#include "oci/media_types.h"
#include "os/file.h"
#include "storage/layer_store.h"
#include "storage/merged_tree.h"
#include "storage/stage_diff.h"
#include "storage/tree_diff.h"

namespace coracle::build {
namespace {

absl::Status LikeRoot(const std::string& below, const std::string& upper) {
  struct stat info;
  if (stat(below.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", below));
  if (chown(upper.c_str(), info.st_uid, info.st_gid) != 0 ||
      chmod(upper.c_str(), info.st_mode & 07777) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", upper));
  }
  const timespec times[2] = {info.st_atim, info.st_mtim};
  if (utimensat(AT_FDCWD, upper.c_str(), times, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the time of ", upper));
  }
  return absl::OkStatus();
}

// Overlay's whiteouts have no time of their own in an archive.
bool IsWhiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0); }

// Of everything below `directory`, deepest first: making a child's time right does not change its parent's,
// but removing a socket does.
absl::Status SetTimes(int directory, std::optional<int64_t> epoch) {
  const timespec at = {static_cast<time_t>(epoch.value_or(0)), 0};
  const timespec times[2] = {at, at};
  ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListDirectoryAt(directory, "."));
  for (const std::string& name : names) {
    struct stat info;
    if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return ErrnoStatus(errno, name);
    if (S_ISDIR(info.st_mode)) {
      ASSIGN_OR_RETURN(const os::UniqueFd child,
                       os::OpenAt(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name);
      RETURN_IF_ERROR(SetTimes(child.get(), epoch), name);
      continue;
    }
    if (S_ISSOCK(info.st_mode)) {
      if (unlinkat(directory, name.c_str(), 0) != 0) return ErrnoStatus(errno, absl::StrCat("remove ", name));
      continue;
    }
    if (!epoch.has_value() || IsWhiteout(info)) continue;
    if (utimensat(directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, absl::StrCat("set the time of ", name));
    }
  }
  if (epoch.has_value() && futimens(directory, times) != 0)
    return ErrnoStatus(errno, "set a directory's time");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LayerWork> LayerWork::Begin(const store::Store& store, const std::vector<LayerRef>& below,
                                           bool user_xattr) {
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "build"));
  LayerWork work(std::move(lease), user_xattr);
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, absl::StrCat(work.work_dir(), "/layer"), 0700));
  work.upper_ = absl::StrCat(work.work_dir(), "/layer/diff");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, work.upper_, 0755));
  for (auto layer = below.rbegin(); layer != below.rend(); ++layer) {
    work.lower_.push_back(storage::LayerDiffDir(store, layer->id));
  }
  if (work.lower_.empty()) {
    ASSIGN_OR_RETURN(const std::string empty, work.MakeDirectory("empty", 0755));
    const timespec times[2] = {};
    (void)utimensat(AT_FDCWD, empty.c_str(), times, 0);  // the root of every image from scratch has this time
    work.lower_.push_back(empty);
  }
  RETURN_IF_ERROR(LikeRoot(work.lower_.front(), work.upper_));
  return work;
}

absl::StatusOr<std::string> LayerWork::MakeDirectory(const std::string& name, mode_t mode) const {
  const std::string path = absl::StrCat(work_dir(), "/", name);
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, path, mode));
  if (chmod(path.c_str(), mode) != 0) return ErrnoStatus(errno, absl::StrCat("set the mode of ", path));
  return path;
}

absl::Status LayerWork::TakeChangesOf(const std::string& root,
                                      const std::function<bool(const std::string&)>& skip) {
  RETURN_IF_ERROR(
      os::RemoveTreeAt(AT_FDCWD, absl::StrCat(work_dir(), "/layer")));  // made again by StageChanges
  ASSIGN_OR_RETURN(const storage::MergedTree newer, storage::MergedTree::Open({root}, user_xattr_));
  ASSIGN_OR_RETURN(const storage::MergedTree older, storage::MergedTree::Open(lower_, user_xattr_));
  ASSIGN_OR_RETURN(const std::vector<storage::Change> changes, storage::DiffTrees(newer, older, skip));
  RETURN_IF_ERROR(storage::StageChanges(lease_, newer, changes, user_xattr_));
  return LikeRoot(root, upper_);
}

absl::StatusOr<LayerRef> LayerWork::Finish(const store::Store& store, store::Lease& keeper,
                                           std::optional<int64_t> epoch) {
  {
    ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, upper_, O_RDONLY | O_DIRECTORY));
    RETURN_IF_ERROR(SetTimes(root.get(), epoch), "finish layer");
  }
  ASSIGN_OR_RETURN(const storage::StagedLayer staged, storage::DigestStaged(lease_, user_xattr_));
  FaultPoint("build.layer.digested");
  // On the disk before it has its name: whoever finds it relies on it.
  RETURN_IF_ERROR(image::SyncStore(store));
  RETURN_IF_ERROR(keeper.ClaimLayer(staged.record.id()));
  RETURN_IF_ERROR(storage::PublishLayer(store, staged));
  FaultPoint("build.layer.published");
  LayerRef layer;
  layer.id = staged.record.id();
  layer.media_type = oci::kOciLayer;
  layer.digest = absl::StrCat("sha256:", layer.id);
  layer.size = staged.record.content_bytes();
  layer.unpacked_bytes = staged.record.unpacked_bytes();
  return layer;
}

}  // namespace coracle::build
