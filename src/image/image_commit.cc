#include "image/image_commit.h"

#include <stdio.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "base/fault.h"
#include "base/status.h"
#include "image/image_files.h"

namespace coracle::image {
namespace {

bool Same(const store::ManifestRef& a, const store::ManifestRef& b) {
  return a.digest() == b.digest() && a.index_digest() == b.index_digest();
}

// Adds what `image` has beyond `record`; whether there was anything.
bool Merge(const ImageToCommit& image, store::ImageRecord& record) {
  bool changed = false;
  if (!HasManifestRef(record, image.ref)) {
    *record.add_other_manifests() = image.ref;
    changed = true;
  }
  for (const std::string& digest : image.repo_digests) {
    const auto& known = record.repo_digests();
    if (std::find(known.begin(), known.end(), digest) != known.end()) continue;
    record.add_repo_digests(digest);
    changed = true;
  }
  return changed;
}

bool TagIsRight(const store::Store& store, const std::string& name, const ImageToCommit& image) {
  const auto tag = store::ReadRecord<store::TagRecord>(store.TagPath(name));
  return tag.ok() && tag->image_id() == image.record.id() && Same(tag->manifest(), image.ref);
}

absl::Status WriteImage(const store::Store& store, const store::Lease& lease, const ImageToCommit& image) {
  const std::string& id = image.record.id();
  auto existing = ReadImage(store, id);
  if (existing.ok()) {
    if (!Merge(image, *existing)) return absl::OkStatus();
    return store::WriteRecord(ImageRecordPath(store, id), *existing, os::Durability::kDurable);
  }
  if (!absl::IsNotFound(existing.status())) return existing.status();
  if (image.known) {
    return absl::UnavailableError(absl::StrCat("image ", id, " was removed meanwhile: try again"));
  }
  const std::string staged = absl::StrCat(lease.work_dir(), "/image");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, staged, 0700));
  RETURN_IF_ERROR(
      store::WriteRecord(absl::StrCat(staged, "/record"), image.record, os::Durability::kDurable));
  FaultPoint("image.pull.before-image");
  // rename(2) takes the place of an empty directory, which a removal may have left.
  if (rename(staged.c_str(), store.ImageDir(id).c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("store image ", id));
  }
  FaultPoint("image.pull.after-image");
  return SyncDirectory(absl::StrCat(store.root(), "/images"));
}

}  // namespace

std::vector<store::ManifestRef> ManifestRefs(const store::ImageRecord& record) {
  std::vector<store::ManifestRef> refs;
  store::ManifestRef& first = refs.emplace_back();
  first.set_digest(record.manifest_digest());
  first.set_media_type(record.manifest_media_type());
  first.set_index_digest(record.index_digest());
  refs.insert(refs.end(), record.other_manifests().begin(), record.other_manifests().end());
  return refs;
}

bool HasManifest(const store::ImageRecord& record, absl::string_view manifest_digest) {
  for (const store::ManifestRef& ref : ManifestRefs(record)) {
    if (ref.digest() == manifest_digest) return true;
  }
  return false;
}

bool HasManifestRef(const store::ImageRecord& record, const store::ManifestRef& wanted) {
  for (const store::ManifestRef& ref : ManifestRefs(record)) {
    if (Same(ref, wanted)) return true;
  }
  return false;
}

bool IsCommitted(const store::Store& store, const ImageToCommit& image) {
  auto record = ReadImage(store, image.record.id());
  if (!record.ok() || Merge(image, *record)) return false;
  return std::all_of(image.tags.begin(), image.tags.end(),
                     [&](const std::string& name) { return TagIsRight(store, name, image); });
}

absl::Status AddRepoDigest(const store::Store& store, absl::string_view id, const std::string& repo_digest) {
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  ASSIGN_OR_RETURN(store::ImageRecord record, ReadImage(store, id));
  const auto& known = record.repo_digests();
  if (std::find(known.begin(), known.end(), repo_digest) != known.end()) return absl::OkStatus();
  record.add_repo_digests(repo_digest);
  return store::WriteRecord(ImageRecordPath(store, id), record, os::Durability::kDurable);
}

absl::Status CommitImage(const store::Store& store, const store::Lease& lease, const ImageToCommit& image) {
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  RETURN_IF_ERROR(WriteImage(store, lease, image));
  bool tagged = false;
  for (const std::string& name : image.tags) {
    if (TagIsRight(store, name, image)) continue;
    store::TagRecord tag;
    tag.set_name(name);
    tag.set_image_id(image.record.id());
    tag.set_tagged_unix_nanos(absl::ToUnixNanos(absl::Now()));
    *tag.mutable_manifest() = image.ref;
    const std::string staged = absl::StrCat(lease.work_dir(), "/tag");
    RETURN_IF_ERROR(store::WriteRecord(staged, tag, os::Durability::kDurable));
    FaultPoint("image.pull.before-tag");
    if (rename(staged.c_str(), store.TagPath(name).c_str()) != 0) {
      return ErrnoStatus(errno, absl::StrCat("tag ", name));
    }
    tagged = true;
    FaultPoint("image.pull.after-tag");
  }
  return tagged ? SyncDirectory(absl::StrCat(store.root(), "/names/images")) : absl::OkStatus();
}

}  // namespace coracle::image
