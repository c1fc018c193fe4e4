#include "build/built_image.h"

#include <fcntl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"
#include "image/image_commit.h"
#include "image/image_files.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "os/file.h"

namespace coracle::build {
namespace {

// A manifest names types of one family only.
std::string LayerType(const std::string& media_type, bool docker) {
  switch (oci::LayerKindOf(media_type)) {
    case oci::LayerKind::kTarGzip:
      return docker ? oci::kDockerLayerGzip : oci::kOciLayerGzip;
    case oci::LayerKind::kTarZstd:
      return docker ? oci::kDockerLayerZstd : oci::kOciLayerZstd;
    case oci::LayerKind::kTar:
      return docker ? oci::kDockerLayer : oci::kOciLayer;
    case oci::LayerKind::kNotALayer:
      break;
  }
  return media_type;
}

absl::Status PutDocument(const store::Store& store, store::Lease& lease, const std::string& hex,
                         const std::string& bytes) {
  RETURN_IF_ERROR(lease.ClaimBlob(hex));
  if (os::ExistsAt(AT_FDCWD, store.BlobPath(hex))) return absl::OkStatus();
  const std::string path = absl::StrCat(lease.work_dir(), "/", hex);
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, path, bytes, 0600));
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(store.root(), "/blobs/sha256"), 0700));
  if (rename(path.c_str(), store.BlobPath(hex).c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("store blob ", hex));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoredImage> StoreBuiltImage(const store::Store& store, store::Lease& lease,
                                            BuiltImage image) {
  image::ImageToCommit commit;
  store::ImageRecord& record = commit.record;
  oci::Manifest manifest;
  manifest.media_type = image.docker_format ? oci::kDockerManifest : oci::kOciManifest;
  manifest.annotations = image.annotations;
  image.config.diff_ids.clear();
  for (const LayerRef& layer : image.layers) {
    ASSIGN_OR_RETURN(const oci::Digest diff_id, oci::Digest::FromHex(layer.id));
    image.config.diff_ids.push_back(diff_id);
    oci::Descriptor& descriptor = manifest.layers.emplace_back();
    descriptor.media_type = LayerType(layer.media_type, image.docker_format);
    ASSIGN_OR_RETURN(descriptor.digest, oci::Digest::Parse(layer.digest));
    descriptor.size = layer.size;
    RETURN_IF_ERROR(lease.ClaimBlob(descriptor.digest.hex()));
    record.add_layer_ids(layer.id);
    record.set_size_bytes(record.size_bytes() + layer.unpacked_bytes);
  }
  const std::string config = oci::SerializeImageConfig(image.config);
  StoredImage stored;
  stored.id = Sha256Hex(config);
  manifest.config.media_type = image.docker_format ? oci::kDockerConfig : oci::kOciConfig;
  ASSIGN_OR_RETURN(manifest.config.digest, oci::Digest::FromHex(stored.id));
  manifest.config.size = static_cast<int64_t>(config.size());
  const std::string json = oci::SerializeManifest(manifest);
  const std::string manifest_hex = Sha256Hex(json);
  stored.manifest_digest = absl::StrCat("sha256:", manifest_hex);
  stored.manifest_media_type = manifest.media_type;
  stored.manifest_size = static_cast<int64_t>(json.size());
  RETURN_IF_ERROR(PutDocument(store, lease, stored.id, config));
  RETURN_IF_ERROR(PutDocument(store, lease, manifest_hex, json));
  FaultPoint("build.image.documents");

  record.set_id(stored.id);
  record.set_manifest_digest(stored.manifest_digest);
  record.set_manifest_media_type(stored.manifest_media_type);
  record.set_created_unix_nanos(absl::ToUnixNanos(absl::Now()));
  record.set_config_json(config);
  commit.ref.set_digest(stored.manifest_digest);
  commit.ref.set_media_type(stored.manifest_media_type);
  commit.tags = std::move(image.tags);
  if (image::IsCommitted(store, commit)) return stored;
  RETURN_IF_ERROR(image::SyncStore(store));
  FaultPoint("build.image.synced");
  RETURN_IF_ERROR(image::CommitImage(store, lease, commit));
  return stored;
}

}  // namespace coracle::build
