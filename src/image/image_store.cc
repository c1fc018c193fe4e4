#include "image/image_store.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "image/hello_image.h"
#include "image/image_files.h"
#include "image/tag_list.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "storage/layer_store.h"

namespace coracle::image {
namespace {

constexpr size_t kMaxDocumentBytes = 16 << 20;

// What looks like an id, or was made here, is in no registry.
bool CanBePulled(absl::string_view reference) {
  constexpr size_t kShortId = 12;
  const auto id = oci::AsIdPrefix(reference);
  if (id.has_value() && (id->size() >= kShortId || absl::StartsWith(reference, "sha256:"))) return false;
  const auto parsed = oci::ImageReference::Parse(reference);
  return parsed.ok() && parsed->domain() != oci::kLocalDomain;
}

}  // namespace

absl::StatusOr<std::string> ReadDocument(const store::Store& store, absl::string_view digest) {
  ASSIGN_OR_RETURN(const oci::Digest parsed, oci::Digest::Parse(digest));
  ASSIGN_OR_RETURN(std::string data,
                   os::ReadFileAt(AT_FDCWD, store.BlobPath(parsed.hex()), kMaxDocumentBytes));
  if (Sha256Hex(data) == parsed.hex()) return data;
  return absl::DataLossError(absl::StrCat("blob ", digest, " is damaged: its content has another digest"));
}

absl::StatusOr<ImageForRun> FindForRun(const store::Store& store, absl::string_view reference) {
  auto found = Lookup(store, reference);
  if (absl::IsNotFound(found.status()) && IsHello(reference)) {
    RETURN_IF_ERROR(MakeHelloImage(store));
    found = Lookup(store, reference);
  }
  if (absl::IsNotFound(found.status())) {
    return CanBePulled(reference)
               ? WithHint(found.status(), absl::StrCat("try 'coracle pull ", Printable(reference), "'"))
               : found.status();
  }
  if (!found.ok()) return found.status();
  ImageForRun image;
  image.id = found->record.id();
  image.name = found->name;
  const auto& layers = found->record.layer_ids();
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    // A layer that occurs twice hides nothing where its upper one does not; overlay refuses a second.
    if (std::find(image.layer_ids.begin(), image.layer_ids.end(), *layer) != image.layer_ids.end()) continue;
    image.layer_ids.push_back(*layer);
    image.layer_dirs.push_back(storage::LayerDiffDir(store, *layer));
  }
  ASSIGN_OR_RETURN(image.config_json, ReadConfig(store, found->record));
  return image;
}

absl::StatusOr<std::vector<ImageInfo>> List(const store::Store& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListImageIds(store));
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags, ListTags(store));
  absl::flat_hash_map<std::string, std::vector<std::string>> names;
  for (const store::TagRecord& tag : tags) names[tag.image_id()].push_back(tag.name());
  std::vector<ImageInfo> images;
  for (const std::string& id : ids) {
    auto record = ReadImage(store, id);
    if (!record.ok()) {
      if (absl::IsNotFound(record.status())) continue;  // removed just now
      return record.status();
    }
    images.push_back({*std::move(record), names[id]});
  }
  return images;
}

absl::StatusOr<ImageInfo> Find(const store::Store& store, absl::string_view reference) {
  ASSIGN_OR_RETURN(Found found, Lookup(store, reference));
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags, ListTags(store));
  ImageInfo info;
  for (const store::TagRecord& tag : tags) {
    if (tag.image_id() == found.record.id()) info.names.push_back(tag.name());
  }
  info.record = std::move(found.record);
  return info;
}

absl::StatusOr<std::string> ReadConfig(const store::Store& store, const store::ImageRecord& record) {
  if (!record.config_json().empty()) return record.config_json();
  return ReadDocument(store, absl::StrCat("sha256:", record.id()));
}

absl::StatusOr<std::string> ReadManifest(const store::Store& store, const store::ImageRecord& record) {
  return ReadDocument(store, record.manifest_digest());
}

}  // namespace coracle::image
