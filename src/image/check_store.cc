#include "image/check_store.h"

#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "archive/stream.h"
#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "image/checked_source.h"
#include "image/garbage.h"
#include "image/image_commit.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "image/store_uses.h"
#include "image/tag_list.h"
#include "os/user_namespace.h"
#include "storage/compare_trees.h"
#include "storage/layer_blob.h"
#include "storage/layer_store.h"
#include "store/lease.h"

namespace coracle::image {
namespace {

constexpr char kMissing[] = "missing";

class Checker {
 public:
  Checker(const store::Store& store, const CheckOptions& options, store::Lease lease)
      : store_(store), options_(options), lease_(std::move(lease)) {}

  absl::StatusOr<CheckReport> Run();

 private:
  absl::Status ReadImages();
  absl::Status CheckBlobs();
  absl::Status CheckBlob(const std::string& hex);
  absl::Status RepairBlob(const std::string& hex, const BlobUse& use);
  absl::Status CheckLayers();
  absl::Status CheckLayer(const std::string& id);
  absl::StatusOr<bool> CheckMadeHere(const std::string& id, std::string& why) const;
  absl::StatusOr<std::optional<storage::StagedLayer>> Unpack(const std::string& id, const LayerUse& use,
                                                             std::string& why);
  absl::Status RepairLayer(const std::string& id, const storage::StagedLayer& staged);
  absl::Status Cancelled() const {
    return options_.cancel == nullptr ? absl::OkStatus() : options_.cancel->Check();
  }
  void Tell(absl::string_view line) const {
    if (options_.progress != nullptr) options_.progress->Note(line);
  }
  // Adds the problem and, if that is wanted, tries `repair`.
  void Report(CheckProblem problem, const std::function<absl::Status()>& repair);

  const store::Store& store_;
  const CheckOptions& options_;
  store::Lease lease_;
  CheckReport report_;
  StoreUses uses_;
  std::set<std::string> bad_blobs_;  // that could not be repaired
  bool changed_ = false;
  int next_ = 0;
};

void Checker::Report(CheckProblem problem, const std::function<absl::Status()>& repair) {
  if (options_.repair) {
    const absl::Status status = repair();
    problem.repaired = status.ok();
    if (!status.ok()) problem.not_repaired = StatusLine(status);
    changed_ |= status.ok();
  }
  report_.problems.push_back(std::move(problem));
}

absl::Status NoRepair() {
  return absl::UnimplementedError("it cannot be made again: remove the image and pull or load it anew");
}

absl::Status Checker::ReadImages() {
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags, ListTags(store_));
  ASSIGN_OR_RETURN(uses_, ReadStoreUses(store_, tags, lease_));
  report_.images = uses_.images;
  for (const BadImage& bad : uses_.bad) {
    Report({absl::StrCat("image ", bad.name), bad.why, {bad.name}, false, ""}, NoRepair);
  }
  for (const store::TagRecord& tag : tags) {
    if (os::ExistsAt(AT_FDCWD, ImageRecordPath(store_, tag.image_id()))) continue;
    Report({absl::StrCat("name ", tag.name()), "the image that it names is missing", {}, false, ""}, [&] {
      // Only if nobody has given it to another image meanwhile.
      ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store_));
      const auto now = store::ReadRecord<store::TagRecord>(store_.TagPath(tag.name()));
      if (now.ok() && !os::ExistsAt(AT_FDCWD, ImageRecordPath(store_, now->image_id()))) {
        (void)unlink(store_.TagPath(tag.name()).c_str());
      }
      return absl::OkStatus();
    });
  }
  return absl::OkStatus();
}

absl::Status Checker::RepairBlob(const std::string& hex, const BlobUse& use) {
  if (use.images.empty()) {
    if (unlink(store_.BlobPath(hex).c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, "remove it");
    return absl::OkStatus();
  }
  const std::string path = absl::StrCat(lease_.work_dir(), "/blob-", next_++, ".new");
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  archive::FdSink sink(file.get());
  archive::HashingSink hash(sink);
  if (!use.content.empty()) {
    RETURN_IF_ERROR(hash.Write(use.content));
  } else if (options_.fetch != nullptr && !use.repo_digests.empty()) {
    ASSIGN_OR_RETURN(const auto source, options_.fetch(use.repo_digests, use.descriptor));
    RETURN_IF_ERROR(archive::Copy(*source, hash).status());
  } else {
    return absl::NotFoundError("the image came from no registry: load it anew");
  }
  if (hash.HexDigest() != hex) return absl::DataLossError("what came has another digest");
  if (fsync(file.get()) != 0) return ErrnoStatus(errno, "sync it");
  FaultPoint("image.check.before-blob");
  if (rename(path.c_str(), store_.BlobPath(hex).c_str()) != 0) return ErrnoStatus(errno, "store it");
  return absl::OkStatus();
}

absl::Status Checker::CheckBlob(const std::string& hex) {
  const std::string path = store_.BlobPath(hex);
  const auto known = uses_.blobs.find(hex);
  const BlobUse use = known == uses_.blobs.end() ? BlobUse() : known->second;
  std::string why;
  const auto file = os::OpenAt(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (file.ok()) {
    archive::FdSource source(file->get());
    archive::HashingSource hash(source);
    const absl::Status read = archive::Drain(hash);
    if (!read.ok()) {
      why = std::string(read.message());
    } else if (hash.HexDigest() == hex) {
      ++report_.blobs;
      return absl::OkStatus();
    } else {
      why = "its content has another digest";
    }
  } else if (ErrnoOf(file.status()) == ENOENT) {
    if (use.images.empty()) return absl::OkStatus();  // removed just now
    // The archive of a layer that was made here is not kept; CheckLayer makes it again.
    if (storage::HasBlob(store_, hex)) return absl::OkStatus();
    why = kMissing;
  } else {
    why = std::string(file.status().message());
  }
  CheckProblem problem;
  problem.what = absl::StrCat("blob sha256:", hex);
  problem.why = why;
  problem.images.assign(use.images.begin(), use.images.end());
  Report(std::move(problem), [&] { return RepairBlob(hex, use); });
  if (!report_.problems.back().repaired) bad_blobs_.insert(hex);
  return absl::OkStatus();
}

absl::Status Checker::CheckBlobs() {
  std::set<std::string> all;
  for (const auto& [hex, use] : uses_.blobs) all.insert(hex);
  const auto names = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(store_.root(), "/blobs/sha256"));
  if (names.ok()) all.insert(names->begin(), names->end());
  for (const std::string& hex : all) {
    RETURN_IF_ERROR(Cancelled());
    Tell(absl::StrCat("checking blob ", ShortId(hex)));
    RETURN_IF_ERROR(CheckBlob(hex));
  }
  return absl::OkStatus();
}

// The layer once more, from any of its blobs that is whole; nothing, and why, if there is none.
absl::StatusOr<std::optional<storage::StagedLayer>> Checker::Unpack(const std::string& id,
                                                                    const LayerUse& use, std::string& why) {
  std::set<std::string> blobs = use.blobs;
  const auto record = storage::ReadLayer(store_, id);
  if (record.ok() && !record->blob_digest().empty()) {
    blobs.insert(std::string(absl::StripPrefix(record->blob_digest(), "sha256:")));
  }
  why = "there is no blob to hold it against";
  for (const std::string& hex : blobs) {
    if (bad_blobs_.contains(hex)) {
      why = "its blob is damaged";
      continue;
    }
    const auto file = os::OpenAt(AT_FDCWD, store_.BlobPath(hex), O_RDONLY | O_NOFOLLOW);
    if (!file.ok()) continue;
    archive::FdSource source(file->get());
    storage::StageOptions stage;
    stage.single_id = options_.single_id;
    stage.name = absl::StrCat("check-", next_++);
    ASSIGN_OR_RETURN(storage::StagedLayer staged, storage::StageLayer(lease_, source, stage));
    if (staged.record.id() == id) return staged;
    (void)os::RemoveTreeAt(AT_FDCWD, staged.path);
    why = "its blob is another layer's";
  }
  return std::nullopt;
}

// The old tree goes with the lease; until then, and at any kill, one of the two is in place.
absl::Status Checker::RepairLayer(const std::string& id, const storage::StagedLayer& staged) {
  if (options_.in_use != nullptr && options_.in_use(id)) {
    return absl::FailedPreconditionError("a container that runs uses it: stop it first");
  }
  ASSIGN_OR_RETURN(const os::UniqueFd dir, os::OpenAt(AT_FDCWD, staged.path, O_RDONLY | O_DIRECTORY));
  if (syncfs(dir.get()) != 0) return ErrnoStatus(errno, "sync it");
  FaultPoint("image.check.before-layer");
  const std::string path = store_.LayerDir(id);
  if (renameat2(AT_FDCWD, staged.path.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    return absl::OkStatus();
  }
  if (errno == ENOENT && rename(staged.path.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("store layer ", id));
}

// Whether the layer is one without a blob, whose name is the digest of the archive that it packs into; then
// also why it is damaged, if it is.
absl::StatusOr<bool> Checker::CheckMadeHere(const std::string& id, std::string& why) const {
  const auto record = storage::ReadLayer(store_, id);
  if (!record.ok() || record->id() != id || !record->blob_digest().empty()) return false;
  const auto tree = os::OpenAt(AT_FDCWD, storage::LayerDiffDir(store_, id), O_RDONLY | O_DIRECTORY);
  if (!tree.ok()) {
    why = std::string(tree.status().message());
    return true;
  }
  storage::NullSink nowhere;
  archive::HashingSink hash(nowhere);
  const absl::Status packed = storage::PackLayer(tree->get(), hash, os::InUserNamespace()).status();
  if (!packed.ok()) {
    why = std::string(packed.message());
  } else if (hash.HexDigest() != id) {
    why = "its tree gives an archive of another digest";
  }
  return true;
}

absl::Status Checker::CheckLayer(const std::string& id) {
  const auto known = uses_.layers.find(id);
  const LayerUse use = known == uses_.layers.end() ? LayerUse() : known->second;
  CheckProblem problem;
  problem.what = absl::StrCat("layer ", id);
  problem.images.assign(use.images.begin(), use.images.end());
  const bool there = os::ExistsAt(AT_FDCWD, store_.LayerDir(id));
  if (!there && use.images.empty()) return absl::OkStatus();  // removed just now
  ASSIGN_OR_RETURN(const bool made_here, CheckMadeHere(id, problem.why));
  if (made_here) {
    if (problem.why.empty()) {
      ++report_.layers;
    } else {
      Report(std::move(problem), NoRepair);
    }
    return absl::OkStatus();
  }
  // A container's own layer, or garbage: there may be nothing that says how it should be.
  std::string unknown;
  ASSIGN_OR_RETURN(const std::optional<storage::StagedLayer> fresh, Unpack(id, use, unknown));
  if (!there) {
    problem.why = kMissing;
  } else if (!fresh.has_value()) {
    if (use.images.empty()) return absl::OkStatus();
    problem.why = unknown;
  } else {
    const auto record = storage::ReadLayer(store_, id);
    const auto tree = os::OpenAt(AT_FDCWD, storage::LayerDiffDir(store_, id), O_RDONLY | O_DIRECTORY);
    if (!record.ok() || record->id() != id) {
      problem.why = "its record is damaged";
    } else if (!tree.ok()) {
      problem.why = std::string(tree.status().message());
    } else {
      ASSIGN_OR_RETURN(const os::UniqueFd right,
                       os::OpenAt(AT_FDCWD, absl::StrCat(fresh->path, "/diff"), O_RDONLY | O_DIRECTORY));
      ASSIGN_OR_RETURN(const auto difference, storage::CompareTrees(tree->get(), right.get()));
      if (difference.has_value()) problem.why = *difference;
    }
  }
  if (problem.why.empty()) {
    ++report_.layers;
  } else {
    Report(std::move(problem),
           [&] { return fresh.has_value() ? RepairLayer(id, *fresh) : absl::NotFoundError(unknown); });
  }
  if (fresh.has_value()) RETURN_IF_ERROR(os::RemoveTreeAt(AT_FDCWD, fresh->path));
  return absl::OkStatus();
}

absl::Status Checker::CheckLayers() {
  std::set<std::string> all;
  for (const auto& [id, use] : uses_.layers) all.insert(id);
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, storage::ListLayers(store_));
  all.insert(ids.begin(), ids.end());
  for (const std::string& id : all) {
    RETURN_IF_ERROR(Cancelled());
    Tell(absl::StrCat("checking layer ", ShortId(id)));
    RETURN_IF_ERROR(CheckLayer(id), "layer ", id);
  }
  return absl::OkStatus();
}

absl::StatusOr<CheckReport> Checker::Run() {
  // Blobs first: layers are made again from them.
  RETURN_IF_ERROR(ReadImages());
  RETURN_IF_ERROR(CheckBlobs());
  RETURN_IF_ERROR(CheckLayers());
  if (changed_) RETURN_IF_ERROR(SyncStore(store_));
  return std::move(report_);
}

}  // namespace

absl::StatusOr<CheckReport> CheckStore(const store::Store& store, const CheckOptions& options) {
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "check"));
  return Checker(store, options, std::move(lease)).Run();
}

}  // namespace coracle::image
