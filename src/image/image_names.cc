// Tag, untag, remove, prune: which names and images exist.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/fault.h"
#include "base/status.h"
#include "base/text.h"
#include "image/garbage.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "image/prune_matching.h"
#include "oci/reference.h"
#include "store/events.h"

namespace coracle::image {
namespace {

using UsedBy = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<std::string> NewTagName(absl::string_view text) {
  const auto reference = oci::ImageReference::ParseLocal(text);
  if (!reference.ok()) return WithExitCode(reference.status(), kExitEngine);
  if (!reference->digest().empty()) {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat(Printable(text), ": a tag cannot have a digest")),
        kExitEngine);
  }
  return reference->WithTagOrDefault().str();
}

absl::Status SyncNames(const store::Store& store) {
  return SyncDirectory(absl::StrCat(store.root(), "/names/images"));
}

absl::Status RemoveTag(const store::Store& store, const std::string& name) {
  if (unlink(store.TagPath(name).c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("untag ", name));
  }
  FaultPoint("image.untag");
  return absl::OkStatus();
}

// The record goes first: with it the image. Layers and blobs are garbage then.
absl::Status DeleteImage(const store::Store& store, const ImageInfo& image, Removal& removal) {
  for (const std::string& name : image.names) {
    RETURN_IF_ERROR(RemoveTag(store, name));
    removal.untagged.push_back(name);
  }
  const std::string& id = image.record.id();
  if (unlink(ImageRecordPath(store, id).c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove image ", id));
  }
  FaultPoint("image.remove.after-record");
  (void)rmdir(store.ImageDir(id).c_str());  // an empty directory is no image; the next import takes it
  removal.deleted.push_back(id);
  return absl::OkStatus();
}

absl::Status CheckUnused(const ImageInfo& image, absl::string_view reference, const UsedBy& used_by) {
  for (const auto& [image_id, container_id] : used_by) {
    if (image_id != image.record.id()) continue;
    if (container_id.empty()) {
      return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                              "image ", Printable(reference), " is mounted: unmount it, or use --force")),
                          2);
    }
    return WithExitCode(absl::FailedPreconditionError(
                            absl::StrCat("image ", Printable(reference), " is in use by container ",
                                         ShortId(container_id), ": remove that container, or use --force")),
                        2);
  }
  return absl::OkStatus();
}

absl::Status SyncImages(const store::Store& store) {
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(store.root(), "/images")));
  return SyncNames(store);
}

void Tell(const store::Store& store, absl::string_view status, const std::string& id,
          const std::string& name) {
  store::AppendEvent(store, store::ObjectEvent("image", status, id, name));
}

void TellRemoved(const store::Store& store, const ImageInfo& image) {
  for (const std::string& name : image.names) Tell(store, "untag", image.record.id(), name);
  Tell(store, "remove", image.record.id(), image.names.empty() ? "" : image.names.front());
}

absl::StatusOr<Removal> RemoveLocked(const store::Store& store, absl::string_view reference, bool force,
                                     const UsedBy& used_by) {
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  ASSIGN_OR_RETURN(const Found found, Lookup(store, reference));
  ASSIGN_OR_RETURN(const ImageInfo image, Find(store, found.record.id()));
  Removal removal;
  const bool by_name = !found.name.empty();
  if (by_name && image.names.size() > 1 &&
      std::count(image.names.begin(), image.names.end(), found.name) > 0) {
    RETURN_IF_ERROR(RemoveTag(store, found.name));
    removal.untagged.push_back(found.name);
    RETURN_IF_ERROR(SyncNames(store));
    Tell(store, "untag", image.record.id(), found.name);
    return removal;
  }
  if (!by_name && image.names.size() > 1 && !force) {
    return WithExitCode(
        absl::FailedPreconditionError(
            absl::StrCat("image ", Printable(reference), " has more than one name (",
                         absl::StrJoin(image.names, ", "), "): remove it by each of them, or use --force")),
        kExitEngine);
  }
  if (!force) RETURN_IF_ERROR(CheckUnused(image, reference, used_by));
  RETURN_IF_ERROR(DeleteImage(store, image, removal));
  RETURN_IF_ERROR(SyncImages(store));
  TellRemoved(store, image);
  return removal;
}

}  // namespace

absl::Status Tag(const store::Store& store, absl::string_view source, absl::string_view new_name) {
  ASSIGN_OR_RETURN(const std::string name, NewTagName(new_name));
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  ASSIGN_OR_RETURN(const Found found, Lookup(store, source));
  store::TagRecord tag;
  tag.set_name(name);
  tag.set_image_id(found.record.id());
  tag.set_tagged_unix_nanos(absl::ToUnixNanos(absl::Now()));
  // No name of an image begins with a dot; the sweep takes what a kill leaves.
  const std::string temporary = absl::StrCat(store.root(), "/names/images/.new");
  RETURN_IF_ERROR(store::WriteRecord(temporary, tag, os::Durability::kDurable), "tag ", name);
  FaultPoint("image.tag.before-rename");
  if (rename(temporary.c_str(), store.TagPath(name).c_str()) != 0) {
    const int error = errno;
    (void)unlink(temporary.c_str());
    return ErrnoStatus(error, absl::StrCat("tag ", name));
  }
  FaultPoint("image.tag.after-rename");
  RETURN_IF_ERROR(SyncNames(store));
  Tell(store, "tag", found.record.id(), name);
  return absl::OkStatus();
}

absl::Status Untag(const store::Store& store, absl::string_view image,
                   const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  ASSIGN_OR_RETURN(const Found found, Lookup(store, image));
  ASSIGN_OR_RETURN(const ImageInfo info, Find(store, found.record.id()));
  std::vector<std::string> doomed = info.names;
  if (!names.empty()) {
    doomed.clear();
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(const Found named, Lookup(store, name));
      if (named.name.empty() || named.record.id() != found.record.id()) {
        return WithExitCode(absl::NotFoundError(absl::StrCat(Printable(name), " is not a name of image ",
                                                             ShortId(found.record.id()))),
                            kExitEngine);
      }
      doomed.push_back(named.name);
    }
  }
  for (const std::string& name : doomed) RETURN_IF_ERROR(RemoveTag(store, name));
  RETURN_IF_ERROR(SyncNames(store));
  for (const std::string& name : doomed) Tell(store, "untag", found.record.id(), name);
  return absl::OkStatus();
}

absl::StatusOr<Removal> Remove(const store::Store& store, absl::string_view reference, bool force,
                               const UsedBy& used_by) {
  ASSIGN_OR_RETURN(Removal removal, RemoveLocked(store, reference, force, used_by));
  if (!removal.deleted.empty()) RETURN_IF_ERROR(CollectGarbage(store));
  return removal;
}

absl::StatusOr<Removal> Prune(const store::Store& store, bool all, const UsedBy& used_by) {
  return PruneMatching(store, all, used_by, nullptr);
}

absl::StatusOr<Removal> PruneMatching(const store::Store& store, bool all, const UsedBy& used_by,
                                      const std::function<bool(const ImageInfo&)>& wanted) {
  Removal removal;
  {
    std::vector<const ImageInfo*> removed;
    ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
    ASSIGN_OR_RETURN(const std::vector<ImageInfo> images, List(store));
    for (const ImageInfo& image : images) {
      if (!all && !image.names.empty()) continue;
      if (wanted != nullptr && !wanted(image)) continue;
      if (!CheckUnused(image, image.record.id(), used_by).ok()) continue;
      RETURN_IF_ERROR(DeleteImage(store, image, removal));
      removed.push_back(&image);
    }
    if (!removal.deleted.empty()) RETURN_IF_ERROR(SyncImages(store));
    for (const ImageInfo* image : removed) TellRemoved(store, *image);
  }
  // Who asks for room gets all of it: what interrupted pulls left, too.
  RETURN_IF_ERROR(CollectGarbage(store, absl::ZeroDuration()));
  return removal;
}

}  // namespace coracle::image
