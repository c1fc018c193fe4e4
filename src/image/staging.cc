#include "image/staging.h"

#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/container/flat_hash_set.h"
#include "base/fault.h"
#include "base/status.h"
#include "os/file.h"
#include "os/file_wait.h"
#include "storage/layer_store.h"
#include "store/lock_holder.h"

namespace coracle::image {
namespace {

std::vector<std::string> ListOrNothing(const std::string& dir) {
  auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  return names.ok() ? *std::move(names) : std::vector<std::string>();
}

// When the entry itself was last changed or renamed.
bool OlderThan(const std::string& path, absl::Duration age) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return false;
  return absl::TimeFromTimespec(info.st_ctim) + age <= absl::Now();
}

absl::Status MoveIfAbsent(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0 || errno == ENOTEMPTY || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("store ", to));
}

}  // namespace

TransferLock::~TransferLock() {
  if (fd_.valid()) (void)unlink(path_.c_str());
}

Staging::Staging(const store::Store& store)
    : store_(store),
      partial_(absl::StrCat(store.root(), "/partial")),
      staged_root_(absl::StrCat(store.root(), "/staged")),
      staged_(absl::StrCat(staged_root_, "/", store::BootId())) {}

std::string Staging::PartialPath(absl::string_view hex) const { return absl::StrCat(partial_, "/", hex); }
std::string Staging::StagedBlob(absl::string_view hex) const { return absl::StrCat(staged_, "/blobs/", hex); }
std::string Staging::StagedLayer(absl::string_view id) const { return absl::StrCat(staged_, "/layers/", id); }

absl::Status Staging::Prepare() const {
  RETURN_IF_ERROR(os::MakeDirectories(partial_, 0700));
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(staged_, "/blobs"), 0700));
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(staged_, "/layers"), 0700));
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(store_.runroot(), "/transfers"), 0700));
  for (const std::string& boot : ListOrNothing(staged_root_)) {
    const std::string old = absl::StrCat(staged_root_, "/", boot);
    if (old == staged_) continue;
    for (const std::string& hex : ListOrNothing(absl::StrCat(old, "/blobs"))) {
      (void)renameat2(AT_FDCWD, absl::StrCat(old, "/blobs/", hex).c_str(), AT_FDCWD, PartialPath(hex).c_str(),
                      RENAME_NOREPLACE);
    }
    // All of it at once, and the deleting later: any other pull may be here too.
    (void)rename(old.c_str(), absl::StrCat(store_.root(), "/trash/", store::NewContainerId()).c_str());
  }
  return absl::OkStatus();
}

absl::StatusOr<TransferLock> Staging::Lock(absl::string_view hex, const os::CancelFlag* cancel,
                                           const std::function<void(const std::string&)>& waiting) const {
  std::string path = absl::StrCat(store_.runroot(), "/transfers/", hex);
  ASSIGN_OR_RETURN(os::UniqueFd fd, os::LockFile(path, cancel, [&](int locked) {
                     if (waiting != nullptr) waiting(store::DescribeLockHolder(locked));
                   }));
  return TransferLock(std::move(fd), std::move(path));
}

absl::StatusOr<os::UniqueFd> Staging::LockLooks() const {
  return os::LockFile(absl::StrCat(store_.runroot(), "/staged.lock"));
}

absl::StatusOr<std::optional<std::string>> Staging::FindBlob(absl::string_view hex) const {
  ASSIGN_OR_RETURN(const os::UniqueFd lock, LockLooks());
  for (const std::string& path : {store_.BlobPath(hex), StagedBlob(hex)}) {
    if (os::ExistsAt(AT_FDCWD, path)) return path;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<std::string>> Staging::FindLayer(absl::string_view id) const {
  ASSIGN_OR_RETURN(const os::UniqueFd lock, LockLooks());
  for (const std::string& path : {store_.LayerDir(id), StagedLayer(id)}) {
    if (os::ExistsAt(AT_FDCWD, path)) return path;
  }
  return std::nullopt;
}

absl::Status Staging::StageBlob(const std::string& path, absl::string_view hex) const {
  RETURN_IF_ERROR(MoveIfAbsent(path, StagedBlob(hex)));
  FaultPoint("image.pull.blob-staged");
  return absl::OkStatus();
}

absl::Status Staging::StageLayer(const std::string& path, absl::string_view id) const {
  RETURN_IF_ERROR(MoveIfAbsent(path, StagedLayer(id)));
  FaultPoint("image.pull.layer-staged");
  return absl::OkStatus();
}

absl::Status Staging::PublishBlob(absl::string_view hex) const {
  const std::string target = store_.BlobPath(hex);
  if (os::ExistsAt(AT_FDCWD, target)) return absl::OkStatus();
  if (rename(StagedBlob(hex).c_str(), target.c_str()) != 0) {
    const int error = errno;
    // Another pull that needs it was here first.
    if (error != ENOENT || !os::ExistsAt(AT_FDCWD, target)) {
      return ErrnoStatus(error, absl::StrCat("store blob ", hex));
    }
  }
  FaultPoint("image.pull.blob-published");
  return absl::OkStatus();
}

absl::Status Staging::PublishLayer(absl::string_view id) const {
  const std::string target = store_.LayerDir(id);
  if (os::ExistsAt(AT_FDCWD, target)) return absl::OkStatus();
  if (rename(StagedLayer(id).c_str(), target.c_str()) != 0 && errno != ENOTEMPTY && errno != EEXIST) {
    const int error = errno;
    if (error != ENOENT || !os::ExistsAt(AT_FDCWD, target)) {
      return ErrnoStatus(error, absl::StrCat("store layer ", id));
    }
  }
  FaultPoint("image.pull.layer-published");
  return absl::OkStatus();
}

absl::Status Staging::Retire(const std::vector<Entry>& entries) const {
  if (entries.empty()) return absl::OkStatus();
  {
    ASSIGN_OR_RETURN(const os::UniqueFd lock, LockLooks());
    ASSIGN_OR_RETURN(const store::LeaseClaims claims, store::ReadLiveLeases(store_));
    const absl::flat_hash_set<std::string> blobs(claims.blobs.begin(), claims.blobs.end());
    const absl::flat_hash_set<std::string> layers(claims.layers.begin(), claims.layers.end());
    for (const Entry& entry : entries) {
      if ((entry.layer ? layers : blobs).contains(entry.id)) continue;
      if (entry.keep && renameat2(AT_FDCWD, entry.path.c_str(), AT_FDCWD, PartialPath(entry.id).c_str(),
                                  RENAME_NOREPLACE) == 0) {
        continue;
      }
      // An unlinked blob needs no room; a layer's name is gone at once, its files after the lock.
      if (!entry.layer) {
        (void)unlink(entry.path.c_str());
      } else if (rename(entry.path.c_str(),
                        absl::StrCat(store_.root(), "/trash/", store::NewContainerId()).c_str()) != 0 &&
                 errno != ENOENT) {
        return ErrnoStatus(errno, absl::StrCat("remove ", entry.path));
      }
      FaultPoint("image.staging.retired");
    }
  }
  return store::EmptyTrash(store_);
}

absl::Status Staging::TakeBack(const std::vector<std::string>& blobs,
                               const std::vector<std::string>& documents,
                               const std::vector<std::string>& layers) const {
  std::vector<Entry> entries;
  for (const std::string& hex : blobs) entries.push_back({StagedBlob(hex), hex, false, /*keep=*/true});
  for (const std::string& hex : documents) entries.push_back({StagedBlob(hex), hex, false, false});
  for (const std::string& id : layers) entries.push_back({StagedLayer(id), id, true, false});
  return Retire(entries);
}

std::vector<Staging::Entry> Staging::OldStaged(absl::Duration age) const {
  std::vector<Entry> entries;
  for (const bool layer : {false, true}) {
    const std::string dir = absl::StrCat(staged_, layer ? "/layers" : "/blobs");
    for (const std::string& id : ListOrNothing(dir)) {
      const std::string path = absl::StrCat(dir, "/", id);
      if (OlderThan(path, age)) entries.push_back({path, id, layer, false});
    }
  }
  return entries;
}

std::vector<std::string> Staging::OldPartial(absl::Duration age) const {
  std::vector<std::string> old;
  for (const std::string& hex : ListOrNothing(partial_)) {
    if (OlderThan(PartialPath(hex), age)) old.push_back(hex);
  }
  return old;
}

absl::Status Staging::Collect(absl::Duration age) const {
  if (!os::ExistsAt(AT_FDCWD, staged_root_)) return absl::OkStatus();  // nothing was ever pulled
  RETURN_IF_ERROR(Prepare());
  RETURN_IF_ERROR(Retire(OldStaged(age)));
  for (const std::string& hex : OldPartial(age)) {
    const std::string path = absl::StrCat(store_.runroot(), "/transfers/", hex);
    auto fd = os::TryLockFile(path);
    if (!fd.ok()) continue;  // it is growing
    const TransferLock lock(*std::move(fd), path);
    (void)unlink(PartialPath(hex).c_str());
  }
  return absl::OkStatus();
}

int64_t Staging::CollectableBytes(absl::Duration age) const {
  int64_t bytes = 0;
  struct stat info;
  for (const Entry& entry : OldStaged(age)) {
    if (entry.layer) {
      const auto record = store::ReadRecord<store::LayerRecord>(absl::StrCat(entry.path, "/record"));
      if (record.ok()) bytes += record->unpacked_bytes();
    } else if (lstat(entry.path.c_str(), &info) == 0) {
      bytes += int64_t{512} * info.st_blocks;
    }
  }
  for (const std::string& hex : OldPartial(age)) {
    if (lstat(PartialPath(hex).c_str(), &info) == 0) bytes += int64_t{512} * info.st_blocks;
  }
  return bytes;
}

}  // namespace coracle::image
