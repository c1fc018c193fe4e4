#include "image/store_uses.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "image/image_commit.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "oci/image_config.h"
#include "os/file.h"

namespace coracle::image {
namespace {

absl::Status AddManifest(const store::Store& store, const store::ManifestRef& ref,
                         const store::ImageRecord& record, const std::string& shown, StoreUses& uses) {
  const auto use = [&](const oci::Digest& digest) -> BlobUse& {
    BlobUse& blob = uses.blobs[std::string(digest.hex())];
    blob.descriptor.digest = digest;
    blob.images.insert(shown);
    blob.repo_digests.insert(blob.repo_digests.end(), record.repo_digests().begin(),
                             record.repo_digests().end());
    return blob;
  };
  ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(ref.digest()));
  BlobUse& document = use(digest);
  document.descriptor.media_type = ref.media_type();
  document.descriptor.size = -1;
  if (!ref.index_digest().empty()) {
    ASSIGN_OR_RETURN(const oci::Digest index, oci::Digest::Parse(ref.index_digest()));
    BlobUse& blob = use(index);
    blob.descriptor.size = -1;
    blob.descriptor.media_type = oci::kOciIndex;
  }
  // A manifest that is damaged is met again as a blob; what it names is then unknown.
  const auto text = os::ReadFileAt(AT_FDCWD, store.BlobPath(digest.hex()), oci::kMaxManifestBytes);
  if (!text.ok() || Sha256Hex(*text) != digest.hex()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::ParseManifest(*text, ref.media_type()));
  use(manifest.config.digest).descriptor = manifest.config;
  if (manifest.config.digest.hex() == record.id()) {
    uses.blobs[record.id()].content = record.config_json();
  }
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = manifest.layers[i];
    use(layer.digest).descriptor = layer;
    if (i >= static_cast<size_t>(record.layer_ids_size())) continue;
    uses.layers[record.layer_ids(static_cast<int>(i))].blobs.insert(std::string(layer.digest.hex()));
  }
  return absl::OkStatus();
}

bool SameLayers(const oci::ImageConfig& config, const store::ImageRecord& record) {
  if (config.diff_ids.size() != static_cast<size_t>(record.layer_ids_size())) return false;
  for (size_t i = 0; i < config.diff_ids.size(); ++i) {
    if (config.diff_ids[i].hex() != record.layer_ids(static_cast<int>(i))) return false;
  }
  return true;
}

absl::Status AddImage(const store::Store& store, const std::string& id,
                      const std::vector<store::TagRecord>& tags, store::Lease& lease, StoreUses& uses) {
  const auto record = ReadImage(store, id);
  if (absl::IsNotFound(record.status())) return absl::OkStatus();  // removed just now
  ++uses.images;
  std::string shown(ShortId(id));
  for (const store::TagRecord& tag : tags) {
    if (tag.image_id() == id) shown = tag.name();
  }
  const auto bad = [&](absl::string_view why) { uses.bad.push_back({shown, std::string(why)}); };
  if (!record.ok()) {
    bad(record.status().message());
    return absl::OkStatus();
  }
  if (record->id() != id || Sha256Hex(record->config_json()) != id) {
    bad("its record and its id disagree");
    return absl::OkStatus();
  }
  const auto config = oci::ParseImageConfig(record->config_json());
  if (!config.ok()) {
    bad(config.status().message());
    return absl::OkStatus();
  }
  if (!SameLayers(*config, *record)) bad("its layers are not those of its config");
  for (const std::string& layer : record->layer_ids()) {
    uses.layers[layer].images.insert(shown);
    RETURN_IF_ERROR(lease.ClaimLayer(layer));
  }
  for (const store::ManifestRef& ref : ManifestRefs(*record)) {
    const absl::Status status = AddManifest(store, ref, *record, shown, uses);
    if (!status.ok()) bad(status.message());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoreUses> ReadStoreUses(const store::Store& store, const std::vector<store::TagRecord>& tags,
                                        store::Lease& lease) {
  StoreUses uses;
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListImageIds(store));
  for (const std::string& id : ids) RETURN_IF_ERROR(AddImage(store, id, tags, lease, uses));
  for (const auto& [hex, use] : uses.blobs) RETURN_IF_ERROR(lease.ClaimBlob(hex));
  return uses;
}

}  // namespace coracle::image
