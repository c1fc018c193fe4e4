#include "image/garbage.h"

#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/status.h"
#include "image/image_commit.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "image/staging.h"
#include "oci/manifest.h"
#include "storage/layer_store.h"
#include "store/build_cache.h"
#include "store/lease.h"

namespace coracle::image {
namespace {

struct Marks {
  absl::flat_hash_set<std::string> layers, blobs;
  void Blob(absl::string_view digest) {
    absl::ConsumePrefix(&digest, "sha256:");
    blobs.insert(std::string(digest));
  }
};

absl::Status MarkImage(const store::Store& store, const store::ImageRecord& record, Marks& marks) {
  marks.layers.insert(record.layer_ids().begin(), record.layer_ids().end());
  marks.Blob(record.id());
  for (const store::ManifestRef& ref : ManifestRefs(record)) {
    marks.Blob(ref.digest());
    if (!ref.index_digest().empty()) marks.Blob(ref.index_digest());
    ASSIGN_OR_RETURN(const std::string json, ReadDocument(store, ref.digest()), "image ", record.id());
    ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::ParseManifest(json, ref.media_type()), "image ",
                     record.id());
    for (const oci::Descriptor& layer : manifest.layers) marks.Blob(layer.digest.str());
  }
  return absl::OkStatus();
}

absl::StatusOr<Marks> Mark(const store::Store& store) {
  Marks marks;
  // Leases before images: an import that ends in between is seen as one or the other.
  ASSIGN_OR_RETURN(const store::LeaseClaims claims, store::ReadLiveLeases(store));
  marks.layers.insert(claims.layers.begin(), claims.layers.end());
  marks.blobs.insert(claims.blobs.begin(), claims.blobs.end());
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListImageIds(store));
  for (const std::string& id : ids) {
    const auto record = ReadImage(store, id);
    if (absl::IsNotFound(record.status())) continue;  // removed just now
    if (!record.ok()) return record.status();
    const absl::Status status = MarkImage(store, *record, marks);
    // The same, between reading the record and the manifest.
    if (!status.ok() && os::ExistsAt(AT_FDCWD, ImageRecordPath(store, id))) return status;
  }
  std::vector<std::pair<std::string, absl::Status>> damaged;
  ASSIGN_OR_RETURN(const std::vector<store::ContainerRecord> containers,
                   store::ReadAllContainers(store, &damaged));
  if (!damaged.empty()) return damaged.front().second;
  for (const store::ContainerRecord& container : containers) {
    marks.layers.insert(container.layer_ids().begin(), container.layer_ids().end());
    for (const store::Mount& mount : container.config().mounts()) {
      marks.layers.insert(mount.layer_ids().begin(), mount.layer_ids().end());
    }
  }
  ASSIGN_OR_RETURN(const std::vector<store::BuildCacheEntry> cache, store::ListBuildCache(store));
  for (const store::BuildCacheEntry& entry : cache) marks.layers.insert(entry.record.layer_id());
  return marks;
}

absl::StatusOr<std::vector<std::string>> ListBlobs(const store::Store& store) {
  auto names = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(store.root(), "/blobs/sha256"));
  if (names.ok() || ErrnoOf(names.status()) != ENOENT) return names;
  return std::vector<std::string>();
}

// A disk can be so full that not even a work directory can be made. Then unlinking blobs is all that works,
// and makes room; who would make one of them anew just now has no room for it either.
absl::StatusOr<store::Lease> TakeLease(const store::Store& store, const Garbage& garbage) {
  auto lease = store::Lease::Take(store, "deletion");
  if (lease.ok() || !absl::IsResourceExhausted(lease.status())) return lease;
  for (const std::string& hex : garbage.blobs) (void)unlink(store.BlobPath(hex).c_str());
  return store::Lease::Take(store, "deletion");
}

// Moves the victim back, unless somebody has made it anew.
absl::Status PutBack(const std::string& hidden, const std::string& path) {
  if (renameat2(AT_FDCWD, hidden.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0 || errno == EEXIST ||
      errno == ENOENT) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, absl::StrCat("put back ", path));
}

}  // namespace

absl::StatusOr<Garbage> FindGarbage(const store::Store& store) {
  // The listing comes first: what appears after it is not looked at.
  ASSIGN_OR_RETURN(const std::vector<std::string> layers, storage::ListLayers(store));
  ASSIGN_OR_RETURN(const std::vector<std::string> blobs, ListBlobs(store));
  Garbage garbage;
  if (layers.empty() && blobs.empty()) return garbage;
  ASSIGN_OR_RETURN(const Marks marks, Mark(store), "look for garbage");
  for (const std::string& id : layers) {
    if (!marks.layers.contains(id)) garbage.layers.push_back(id);
  }
  for (const std::string& hex : blobs) {
    if (!marks.blobs.contains(hex)) garbage.blobs.push_back(hex);
  }
  return garbage;
}

absl::Status CollectGarbage(const store::Store& store, absl::Duration partial_age) {
  // Work directories of those who were killed.
  RETURN_IF_ERROR(store::Sweep(store));
  RETURN_IF_ERROR(Staging(store).Collect(partial_age));
  ASSIGN_OR_RETURN(const Garbage garbage, FindGarbage(store));
  if (garbage.layers.empty() && garbage.blobs.empty()) return absl::OkStatus();
  const auto lease = TakeLease(store, garbage);
  if (!lease.ok()) return lease.status();
  const std::string& work = lease->work_dir();
  absl::Status first;
  int dead = 0;
  // By these names the sweep knows what to put back if we die now.
  const auto hide = [&](const std::string& path, const std::string& hidden) {
    if (rename(path.c_str(), hidden.c_str()) != 0 && errno != ENOENT) {
      first.Update(ErrnoStatus(errno, absl::StrCat("remove ", path)));
    }
    FaultPoint("image.garbage.hidden");
  };
  for (const std::string& id : garbage.layers) hide(store.LayerDir(id), absl::StrCat(work, "/layer-", id));
  for (const std::string& hex : garbage.blobs) hide(store.BlobPath(hex), absl::StrCat(work, "/blob-", hex));

  const auto marks = Mark(store);
  const auto settle = [&](const std::string& hidden, const std::string& path, bool in_use) {
    if (in_use) {
      first.Update(PutBack(hidden, path));
    } else {
      // From here on it may be half deleted: a sweep must not put it back any more.
      (void)rename(hidden.c_str(), absl::StrCat(work, "/dead-", dead++).c_str());
    }
    FaultPoint("image.garbage.settled");
  };
  for (const std::string& id : garbage.layers) {
    settle(absl::StrCat(work, "/layer-", id), store.LayerDir(id), !marks.ok() || marks->layers.contains(id));
  }
  for (const std::string& hex : garbage.blobs) {
    settle(absl::StrCat(work, "/blob-", hex), store.BlobPath(hex), !marks.ok() || marks->blobs.contains(hex));
  }
  first.Update(marks.status());
  return first;  // the lease deletes what is left in its work directory
}

}  // namespace coracle::image
