#include "image/image_files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/match.h"
#include "base/status.h"
#include "base/text.h"
#include "image/short_names.h"
#include "oci/reference.h"

namespace coracle::image {
namespace {

absl::StatusOr<std::vector<std::string>> ListOrNothing(const std::string& path) {
  auto names = os::ListDirectoryAt(AT_FDCWD, path);
  if (names.ok() || ErrnoOf(names.status()) != ENOENT) return names;
  return std::vector<std::string>();
}

absl::StatusOr<Found> FindById(const store::Store& store, const std::string& prefix) {
  Found found;
  if (prefix.size() == 64) {
    ASSIGN_OR_RETURN(found.record, ReadImage(store, prefix));
    return found;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListImageIds(store));
  std::optional<std::string> match;
  for (const std::string& id : ids) {
    if (!absl::StartsWith(id, prefix)) continue;
    if (match.has_value()) {
      return WithExitCode(
          absl::FailedPreconditionError(absl::StrCat("more than one image has an ID that begins with \"",
                                                     prefix, "\": give more digits")),
          kExitEngine);
    }
    match = id;
  }
  if (!match.has_value()) return NoSuchImage(prefix);
  ASSIGN_OR_RETURN(found.record, ReadImage(store, *match));
  return found;
}

// An image pulled by, or made with, that manifest.
absl::StatusOr<Found> FindByDigest(const store::Store& store, const oci::ImageReference& reference) {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListImageIds(store));
  for (const std::string& id : ids) {
    auto record = ReadImage(store, id);
    if (!record.ok()) continue;
    const std::string wanted = absl::StrCat(reference.name(), "@", reference.digest().str());
    for (const std::string& digest : record->repo_digests()) {
      if (digest == wanted) return Found{*std::move(record), wanted};
    }
  }
  return NoSuchImage(reference.str());
}

}  // namespace

std::string ImageRecordPath(const store::Store& store, absl::string_view id) {
  return absl::StrCat(store.root(), "/images/", id, "/record");
}

absl::StatusOr<store::ImageRecord> ReadImage(const store::Store& store, absl::string_view id) {
  auto record = store::ReadRecord<store::ImageRecord>(ImageRecordPath(store, id));
  if (absl::IsNotFound(record.status())) return NoSuchImage(id);
  return record;
}

absl::StatusOr<std::vector<std::string>> ListImageIds(const store::Store& store) {
  RETURN_IF_ERROR(store.CheckVersion());
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListOrNothing(absl::StrCat(store.root(), "/images")));
  std::vector<std::string> ids;
  for (const std::string& id : names) {
    if (os::ExistsAt(AT_FDCWD, ImageRecordPath(store, id))) ids.push_back(id);
  }
  return ids;
}

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", path));
  return absl::OkStatus();
}

absl::Status SyncStore(const store::Store& store) {
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, store.root(), O_RDONLY | O_DIRECTORY));
  if (syncfs(root.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", store.root()));
  return absl::OkStatus();
}

absl::StatusOr<store::FileLock> LockNames(const store::Store& store) {
  RETURN_IF_ERROR(store.EnsureExists());
  return store::FileLock::Acquire(absl::StrCat(store.runroot(), "/image-names.lock"), "the names of images");
}

absl::Status NoSuchImage(absl::string_view reference) {
  return WithExitCode(absl::NotFoundError(absl::StrCat("no such image: ", Printable(reference))),
                      kExitEngine);
}

absl::StatusOr<Found> Lookup(const store::Store& store, absl::string_view reference) {
  RETURN_IF_ERROR(store.CheckVersion());
  const auto candidates = NameCandidates(reference);
  const std::optional<std::string> prefix = oci::AsIdPrefix(reference);
  if (candidates.ok()) {
    for (const oci::ImageReference& candidate : *candidates) {
      if (!candidate.digest().empty()) {
        auto found = FindByDigest(store, candidate);
        if (found.ok() || !absl::IsNotFound(found.status())) return found;
        continue;
      }
      const auto tag = store::ReadRecord<store::TagRecord>(store.TagPath(candidate.str()));
      if (!tag.ok()) {
        if (absl::IsNotFound(tag.status()) || absl::IsDataLoss(tag.status())) continue;
        return tag.status();
      }
      auto record = ReadImage(store, tag->image_id());
      if (record.ok()) return Found{*std::move(record), candidate.str()};
      if (!absl::IsNotFound(record.status())) return record.status();
    }
  }
  if (prefix.has_value()) {
    auto found = FindById(store, *prefix);
    if (found.ok() || !absl::IsNotFound(found.status())) return found;
  } else if (!candidates.ok()) {
    return WithExitCode(candidates.status(), kExitEngine);
  }
  return NoSuchImage(reference);
}

}  // namespace coracle::image
