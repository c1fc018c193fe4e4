#include "image/derived_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/time_format.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "oci/reference.h"

namespace coracle::image {
namespace {

struct Documents {
  std::string config, config_hex, manifest, manifest_hex;
  store::ImageRecord record;
};

// A manifest names types of one family only.
const char* LayerType(oci::LayerKind kind, bool docker) {
  switch (kind) {
    case oci::LayerKind::kTarGzip:
      return docker ? oci::kDockerLayerGzip : oci::kOciLayerGzip;
    case oci::LayerKind::kTarZstd:
      return docker ? oci::kDockerLayerZstd : oci::kOciLayerZstd;
    case oci::LayerKind::kTar:
    case oci::LayerKind::kNotALayer:
      break;
  }
  return docker ? oci::kDockerLayer : oci::kOciLayer;
}

// What lies below the new layer. Claims first, looks second (store/lease.h).
absl::Status AddBase(const store::Store& store, store::Lease& lease, const DerivedSpec& spec,
                     oci::Manifest& manifest, store::ImageRecord& record) {
  if (spec.base_id.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const store::ImageRecord base, ReadImage(store, spec.base_id));
  ASSIGN_OR_RETURN(const std::string json, ReadManifest(store, base));
  ASSIGN_OR_RETURN(const oci::Manifest below, oci::ParseManifest(json, base.manifest_media_type()));
  for (const std::string& id : base.layer_ids()) RETURN_IF_ERROR(lease.ClaimLayer(id));
  for (const oci::Descriptor& layer : below.layers) RETURN_IF_ERROR(lease.ClaimBlob(layer.digest.hex()));
  RETURN_IF_ERROR(ReadImage(store, spec.base_id).status());
  manifest.layers = below.layers;
  for (oci::Descriptor& layer : manifest.layers) {
    const oci::LayerKind kind = oci::LayerKindOf(layer.media_type);
    if (kind != oci::LayerKind::kNotALayer) layer.media_type = LayerType(kind, spec.docker_format);
  }
  *record.mutable_layer_ids() = base.layer_ids();
  record.set_size_bytes(base.size_bytes());
  return absl::OkStatus();
}

absl::StatusOr<Documents> MakeDocuments(const store::Store& store, store::Lease& lease,
                                        const storage::StagedLayer& layer, DerivedSpec& spec) {
  Documents made;
  oci::Manifest manifest;
  manifest.media_type = spec.docker_format ? oci::kDockerManifest : oci::kOciManifest;
  RETURN_IF_ERROR(AddBase(store, lease, spec, manifest, made.record), "image ", spec.base_id);
  ASSIGN_OR_RETURN(const oci::Digest diff_id, oci::Digest::FromHex(layer.record.id()));
  spec.config.diff_ids.push_back(diff_id);
  spec.config.history.push_back(spec.history);
  made.config = oci::SerializeImageConfig(spec.config);
  made.config_hex = Sha256Hex(made.config);

  manifest.config.media_type = spec.docker_format ? oci::kDockerConfig : oci::kOciConfig;
  ASSIGN_OR_RETURN(manifest.config.digest, oci::Digest::FromHex(made.config_hex));
  manifest.config.size = static_cast<int64_t>(made.config.size());
  oci::Descriptor& own = manifest.layers.emplace_back();
  own.media_type = LayerType(oci::LayerKind::kTar, spec.docker_format);
  own.digest = diff_id;
  own.size = layer.record.content_bytes();
  made.manifest = oci::SerializeManifest(manifest);
  made.manifest_hex = Sha256Hex(made.manifest);

  made.record.set_id(made.config_hex);
  made.record.set_manifest_digest(absl::StrCat("sha256:", made.manifest_hex));
  made.record.set_manifest_media_type(manifest.media_type);
  made.record.add_layer_ids(layer.record.id());
  made.record.set_size_bytes(made.record.size_bytes() + layer.record.unpacked_bytes());
  made.record.set_created_unix_nanos(absl::ToUnixNanos(absl::Now()));
  made.record.set_config_json(made.config);
  return made;
}

absl::Status Stage(const std::string& work, const Documents& made, const std::string& tag) {
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, absl::StrCat(work, "/config"), made.config, 0600));
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, absl::StrCat(work, "/manifest"), made.manifest, 0600));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, absl::StrCat(work, "/image"), 0700));
  FaultPoint("image.derived.after-documents");
  RETURN_IF_ERROR(
      store::WriteRecord(absl::StrCat(work, "/image/record"), made.record, os::Durability::kVolatile));
  if (tag.empty()) return absl::OkStatus();
  store::TagRecord record;
  record.set_name(tag);
  record.set_image_id(made.config_hex);
  record.set_tagged_unix_nanos(absl::ToUnixNanos(absl::Now()));
  return store::WriteRecord(absl::StrCat(work, "/tag"), record, os::Durability::kVolatile);
}

absl::Status Publish(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("store ", to));
  FaultPoint("image.derived.publish");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NewImageName(absl::string_view reference) {
  if (reference.empty()) return std::string();
  ASSIGN_OR_RETURN(const oci::ImageReference parsed, oci::ImageReference::ParseLocal(reference));
  if (parsed.digest().empty()) return parsed.WithTagOrDefault().str();
  return absl::InvalidArgumentError(absl::StrCat(reference, ": a new image cannot be named by a digest"));
}

absl::StatusOr<std::string> StoreDerivedImage(const store::Store& store, store::Lease& lease,
                                              const storage::StagedLayer& layer, DerivedSpec spec) {
  ASSIGN_OR_RETURN(const Documents made, MakeDocuments(store, lease, layer, spec));
  const std::string& work = lease.work_dir();
  RETURN_IF_ERROR(Stage(work, made, spec.tag));
  RETURN_IF_ERROR(SyncStore(store));
  FaultPoint("image.derived.after-sync");

  RETURN_IF_ERROR(lease.ClaimLayer(layer.record.id()));
  RETURN_IF_ERROR(lease.ClaimBlob(made.config_hex));
  RETURN_IF_ERROR(lease.ClaimBlob(made.manifest_hex));
  RETURN_IF_ERROR(storage::PublishLayer(store, layer));
  FaultPoint("image.derived.after-layer");
  RETURN_IF_ERROR(Publish(absl::StrCat(work, "/config"), store.BlobPath(made.config_hex)));
  RETURN_IF_ERROR(Publish(absl::StrCat(work, "/manifest"), store.BlobPath(made.manifest_hex)));
  {
    ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
    const std::string image = store.ImageDir(made.config_hex);
    // The same image is there already: rename(2) replaces no directory that has entries.
    if (rename(absl::StrCat(work, "/image").c_str(), image.c_str()) != 0 && errno != ENOTEMPTY &&
        errno != EEXIST) {
      return ErrnoStatus(errno, absl::StrCat("store image ", made.config_hex));
    }
    FaultPoint("image.derived.after-image");
    if (!spec.tag.empty()) RETURN_IF_ERROR(Publish(absl::StrCat(work, "/tag"), store.TagPath(spec.tag)));
  }
  RETURN_IF_ERROR(SyncStore(store));
  return made.config_hex;
}

}  // namespace coracle::image
