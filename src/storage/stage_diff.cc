#include "storage/stage_diff.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "archive/pack.h"
#include "archive/whiteout.h"
#include "base/fault.h"
#include "base/status.h"
#include "os/file.h"
#include "os/thread.h"
#include "storage/copy_node.h"
#include "storage/layer_blob.h"

namespace coracle::storage {
namespace {

constexpr uint64_t kStrict = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

struct Place {
  std::string parent, name;
};
Place Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

absl::StatusOr<os::UniqueFd> OpenDirectory(int root, const std::string& path) {
  return os::OpenBeneath(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, kStrict);
}

// Gone or replaced while a container goes on writing: then it is not part of what is committed.
bool Vanished(const absl::Status& status) {
  return absl::IsNotFound(status) || ErrnoOf(status) == ELOOP || ErrnoOf(status) == ENOTDIR;
}

class Stager {
 public:
  Stager(const MergedTree& newer, int root, bool user_xattr)
      : newer_(newer), root_(root), marks_(user_xattr), nodes_(root) {}

  absl::Status Stage(const Change& change) {
    if (change.path.empty()) return absl::OkStatus();
    const Place place = Split(change.path);
    if (target_.get() < 0 || target_path_ != place.parent) {
      source_layer_ = kNoLayer;
      target_path_ = place.parent;
      ASSIGN_OR_RETURN(target_, OpenDirectory(root_, place.parent));
    }
    if (change.kind == ChangeKind::kDeleted) return change.below ? absl::OkStatus() : Whiteout(place.name);
    if (change.is_directory) return MakeDirectory(change, place.name);
    const absl::Status status = CopyFrom(change, place);
    return Vanished(status) ? absl::OkStatus() : status;
  }

  // When nothing more is made inside.
  absl::Status FinishDirectories() {
    for (; !directories_.empty(); directories_.pop_back()) {
      const Change& change = *directories_.back();
      const auto source = OpenDirectory(newer_.root_fd(change.layer), change.path);
      if (Vanished(source.status())) continue;
      RETURN_IF_ERROR(source.status());
      ASSIGN_OR_RETURN(const os::UniqueFd target, OpenDirectory(root_, change.path));
      RETURN_IF_ERROR(Finish(source->get(), target.get()), change.path);
    }
    return Finish(newer_.root_fd(0), root_);
  }

 private:
  static constexpr size_t kNoLayer = static_cast<size_t>(-1);

  static absl::Status Finish(int source, int target) {
    struct stat info;
    if (fstat(source, &info) != 0) return ErrnoStatus(errno, "stat");
    return CopyMetadata(source, target, info);
  }

  // Its time would make two commits of one content differ.
  absl::Status Whiteout(const std::string& name) {
    RETURN_IF_ERROR(marks_.MakeWhiteout(target_.get(), name));
    const timespec epoch[2] = {};
    if (utimensat(target_.get(), name.c_str(), epoch, AT_SYMLINK_NOFOLLOW) != 0)
      return ErrnoStatus(errno, absl::StrCat("set the time of whiteout ", name));
    return absl::OkStatus();
  }

  absl::Status MakeDirectory(const Change& change, const std::string& name) {
    if (mkdirat(target_.get(), name.c_str(), 0700) != 0) return ErrnoStatus(errno, "make directory");
    directories_.push_back(&change);
    if (!change.hides) return absl::OkStatus();
    ASSIGN_OR_RETURN(const os::UniqueFd made,
                     os::OpenAt(target_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return marks_.MarkOpaque(made.get());
  }

  absl::Status CopyFrom(const Change& change, const Place& place) {
    if (source_layer_ != change.layer) {
      source_layer_ = kNoLayer;
      ASSIGN_OR_RETURN(source_, OpenDirectory(newer_.root_fd(change.layer), place.parent));
      source_layer_ = change.layer;
    }
    struct stat info;
    if (fstatat(source_.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
      return ErrnoStatus(errno, "stat");
    if (S_ISDIR(info.st_mode) || S_ISSOCK(info.st_mode)) return absl::OkStatus();  // became one since
    return nodes_.CopyNode(source_.get(), target_.get(), place.name, change.path, info);
  }

  const MergedTree& newer_;
  const int root_;
  const archive::OverlayMarks marks_;
  NodeCopier nodes_;
  std::string target_path_;
  os::UniqueFd target_, source_;
  size_t source_layer_ = kNoLayer;
  std::vector<const Change*> directories_;
};

// Keeps nothing; once enough has passed by to be worth a thread, that lets the disk begin to
// write the tree while the rest of it is digested.
class EarlySync : public archive::ByteSink {
 public:
  explicit EarlySync(int root) : root_(root) {}
  absl::Status Write(absl::string_view data) override {
    bytes_ += data.size();
    if (bytes_ < kWorthIt || begun_) return absl::OkStatus();
    begun_ = true;
    absl::StatusOr<os::Thread> thread =
        os::Thread::Start([this] { (void)syncfs(root_); });  // not the one that counts
    if (thread.ok()) thread_.emplace(*std::move(thread));
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kWorthIt = 16 << 20;

  const int root_;
  size_t bytes_ = 0;
  bool begun_ = false;
  std::optional<os::Thread> thread_;
};

}  // namespace

absl::Status StageChanges(const store::Lease& lease, const MergedTree& newer,
                          const std::vector<Change>& changes, bool user_xattr) {
  const std::string layer = absl::StrCat(lease.work_dir(), "/layer");
  const std::string diff = absl::StrCat(layer, "/diff");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, layer, 0700));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, diff, 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, diff, O_RDONLY | O_DIRECTORY));
  FaultPoint("storage.stage.after-directories");
  Stager stager(newer, root.get(), user_xattr);
  for (const Change& change : changes) RETURN_IF_ERROR(stager.Stage(change), change.path);
  FaultPoint("storage.stage.after-copy");
  return stager.FinishDirectories();
}

absl::StatusOr<StagedLayer> DigestStaged(const store::Lease& lease, bool user_xattr) {
  StagedLayer layer;
  layer.path = absl::StrCat(lease.work_dir(), "/layer");
  ASSIGN_OR_RETURN(const os::UniqueFd root,
                   os::OpenAt(AT_FDCWD, absl::StrCat(layer.path, "/diff"), O_RDONLY | O_DIRECTORY));
  EarlySync sink(root.get());
  archive::HashingSink hashed(sink);
  ASSIGN_OR_RETURN(const archive::PackResult packed, PackLayer(root.get(), hashed, user_xattr));
  layer.info.content_bytes = hashed.bytes();
  layer.info.content_sha256 = hashed.HexDigest();
  layer.info.blob_bytes = layer.info.content_bytes;
  layer.info.blob_sha256 = layer.info.content_sha256;
  layer.info.tree.entries = packed.entries;
  layer.info.tree.bytes = packed.bytes;
  layer.record.set_id(layer.info.content_sha256);
  layer.record.set_content_bytes(layer.info.content_bytes);
  layer.record.set_unpacked_bytes(packed.bytes);
  layer.record.set_entries(static_cast<uint64_t>(packed.entries));
  FaultPoint("storage.stage.after-digest");
  RETURN_IF_ERROR(
      store::WriteRecord(absl::StrCat(layer.path, "/record"), layer.record, os::Durability::kVolatile));
  return layer;
}

}  // namespace coracle::storage
