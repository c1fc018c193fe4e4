#include "image/manifest_list.h"

#include <unistd.h>

#include <cerrno>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "image/image_files.h"
#include "oci/reference.h"

namespace coracle::image {
namespace {

std::string Directory(const store::Store& store) { return absl::StrCat(store.root(), "/manifests"); }

std::string PathOf(const store::Store& store, absl::string_view name) {
  const std::string tag = store.TagPath(name);
  return absl::StrCat(Directory(store), tag.substr(tag.rfind('/')));
}

absl::Status NoSuchList(absl::string_view name) {
  return WithExitCode(absl::NotFoundError(absl::StrCat("no such manifest list: ", Printable(name))),
                      kExitEngine);
}

absl::Status Write(const store::Store& store, const ManifestList& list) {
  Json document;
  document["name"] = list.name;
  document["index"] = oci::SerializeIndex(list.index);
  Json sources = Json::object();
  for (const oci::Descriptor& entry : list.index.manifests) {
    const auto found = list.sources.find(entry.digest.str());
    if (found != list.sources.end()) sources[found->first] = found->second;
  }
  document["sources"] = std::move(sources);
  RETURN_IF_ERROR(os::MakeDirectories(Directory(store), 0700));
  FaultPoint("image.manifest-list.before-write");
  return os::ReplaceFileAt(AT_FDCWD, PathOf(store, list.name), store::EncodeRecordFrame(DumpJson(document)),
                           os::Durability::kDurable);
}

absl::StatusOr<ManifestList> Read(const store::Store& store, absl::string_view name) {
  const auto file = os::ReadFileAt(AT_FDCWD, PathOf(store, name));
  if (ErrnoOf(file.status()) == ENOENT) return NoSuchList(name);
  if (!file.ok()) return file.status();
  ASSIGN_OR_RETURN(const std::string text, store::DecodeRecordFrame(*file), "manifest list ", name);
  ASSIGN_OR_RETURN(const Json document, ParseJson(text), "manifest list ", name);
  const Json* own = Find(document, "name");
  const Json* index = Find(document, "index");
  const Json* sources = Find(document, "sources");
  if (own == nullptr || !own->is_string() || index == nullptr || !index->is_string() || sources == nullptr ||
      !sources->is_object()) {
    return absl::DataLossError(absl::StrCat("manifest list ", name, ": damaged"));
  }
  ManifestList list;
  list.name = own->get_ref<const std::string&>();
  ASSIGN_OR_RETURN(list.index, oci::ParseIndex(index->get_ref<const std::string&>()));
  for (auto it = sources->begin(); it != sources->end(); ++it) {
    if (it.value().is_string()) list.sources[it.key()] = it.value().get_ref<const std::string&>();
  }
  return list;
}

}  // namespace

absl::StatusOr<std::string> ManifestListName(absl::string_view text) {
  const auto reference = oci::ImageReference::ParseLocal(text);
  if (!reference.ok()) return WithExitCode(reference.status(), kExitEngine);
  if (!reference->digest().empty()) {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat(Printable(text), ": a manifest list has no digest yet")),
        kExitEngine);
  }
  return reference->WithTagOrDefault().str();
}

absl::StatusOr<ManifestList> ReadManifestList(const store::Store& store, absl::string_view name) {
  RETURN_IF_ERROR(store.CheckVersion());
  ASSIGN_OR_RETURN(const std::string full, ManifestListName(name));
  auto list = Read(store, full);
  if (absl::IsNotFound(list.status())) return NoSuchList(name);
  return list;
}

absl::Status CreateManifestList(const store::Store& store, const ManifestList& list, bool amend) {
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  if (os::ExistsAt(AT_FDCWD, PathOf(store, list.name))) {
    if (amend) return absl::OkStatus();
    return WithExitCode(
        absl::AlreadyExistsError(absl::StrCat("manifest list ", list.name, " exists already: use --amend")),
        kExitEngine);
  }
  return Write(store, list);
}

absl::StatusOr<ManifestList> ChangeManifestList(const store::Store& store, absl::string_view name,
                                                const std::function<absl::Status(ManifestList&)>& change) {
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  ASSIGN_OR_RETURN(ManifestList list, ReadManifestList(store, name));
  RETURN_IF_ERROR(change(list));
  RETURN_IF_ERROR(Write(store, list));
  return list;
}

absl::Status RemoveManifestList(const store::Store& store, absl::string_view name) {
  ASSIGN_OR_RETURN(const std::string full, ManifestListName(name));
  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  if (unlink(PathOf(store, full).c_str()) == 0) return SyncDirectory(Directory(store));
  if (errno == ENOENT) return NoSuchList(name);
  return ErrnoStatus(errno, absl::StrCat("remove manifest list ", full));
}

absl::StatusOr<ManifestDocument> ManifestListSource::GetManifest() {
  ManifestDocument document;
  document.bytes = oci::SerializeIndex(list_.index);
  document.media_type = list_.index.media_type;
  ASSIGN_OR_RETURN(document.digest, oci::Digest::FromHex(Sha256Hex(document.bytes)));
  return document;
}

absl::StatusOr<ManifestDocument> ManifestListSource::GetInstance(const oci::Descriptor& descriptor) {
  const auto place = list_.sources.find(descriptor.digest.str());
  if (place == list_.sources.end()) {
    return absl::NotFoundError(absl::StrCat("nobody knows where ", descriptor.digest.str(), " is"));
  }
  std::unique_ptr<ImageSource>& source = opened_[place->second];
  if (source == nullptr) {
    ASSIGN_OR_RETURN(source, open_(place->second), place->second);
  }
  // The place names the image itself, or an index that has it.
  ASSIGN_OR_RETURN(ManifestDocument document, source->GetManifest(), place->second);
  if (document.digest != descriptor.digest) {
    ASSIGN_OR_RETURN(document, source->GetInstance(descriptor), place->second);
  }
  ASSIGN_OR_RETURN(const auto parsed, oci::ParseManifestOrIndex(document.bytes, document.media_type));
  if (const auto* manifest = std::get_if<oci::Manifest>(&parsed)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blobs_[manifest->config.digest] = source.get();
    for (const oci::Descriptor& layer : manifest->layers) blobs_[layer.digest] = source.get();
  }
  return document;
}

absl::StatusOr<std::unique_ptr<archive::ByteSource>> ManifestListSource::OpenBlob(const oci::Descriptor& blob,
                                                                                  int64_t offset) {
  ImageSource* source = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blobs_.find(blob.digest);
    if (found != blobs_.end()) source = found->second;
  }
  if (source == nullptr) return absl::NotFoundError(absl::StrCat("no blob ", blob.digest.str()));
  return source->OpenBlob(blob, offset);
}

}  // namespace coracle::image
