#include "image/import_stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/time_format.h"
#include "image/image_files.h"
#include "oci/change.h"
#include "oci/manifest.h"
#include "oci/media_types.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "storage/layer_store.h"
#include "store/lease.h"

namespace coracle::image {
namespace {

// All that is to appear in the store, lying ready in the work directory.
struct Staged {
  storage::StagedLayer layer;
  store::ImageRecord record;
  std::string config_hex, manifest_hex;
  std::optional<std::string> tag;  // full name
};

absl::StatusOr<oci::ImageConfig> ConfigOf(const ImportSpec& spec) {
  oci::ImageConfig config;
  RETURN_IF_ERROR(oci::ApplyChanges(spec.options.changes, &config.config));
  const oci::Platform host = oci::HostPlatform();
  config.created = FormatRfc3339Nano(absl::FromUnixNanos(spec.created_unix_nanos));
  config.os = spec.options.os.empty() ? host.os : spec.options.os;
  config.architecture = spec.options.arch.empty() ? host.architecture : spec.options.arch;
  config.variant =
      spec.options.arch.empty() && spec.options.variant.empty() ? host.variant : spec.options.variant;
  oci::HistoryEntry history;
  history.created = config.created;
  history.created_by = spec.created_by;
  history.comment = spec.options.message;
  config.history.push_back(std::move(history));
  return config;
}

absl::StatusOr<std::optional<std::string>> TagOf(const ImportOptions& options) {
  if (options.reference.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::ParseLocal(options.reference));
  if (!reference.digest().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.reference, ": a new image cannot be named by a digest"));
  }
  return reference.WithTagOrDefault().str();
}

const char* MediaTypeOf(archive::Compression compression) {
  switch (compression) {
    case archive::Compression::kGzip:
      return oci::kOciLayerGzip;
    case archive::Compression::kZstd:
      return oci::kOciLayerZstd;
    case archive::Compression::kNone:
      break;
  }
  return oci::kOciLayer;
}

absl::Status StageBlobAndLayer(const store::Lease& lease, archive::ByteSource& source, bool single_id,
                               Staged& staged) {
  const std::string path = absl::StrCat(lease.work_dir(), "/blob");
  ASSIGN_OR_RETURN(const os::UniqueFd blob, os::OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  archive::FdSink sink(blob.get());
  archive::TeeSource tee(source, sink);
  ASSIGN_OR_RETURN(staged.layer, storage::StageLayer(lease, tee, single_id));
  // An empty input is a tar to some, and a mistake to everybody.
  if (staged.layer.info.tree.entries == 0) return absl::InvalidArgumentError("the archive is empty");
  return absl::OkStatus();
}

absl::Status StageDocuments(const store::Lease& lease, oci::ImageConfig& config, const ImportSpec& spec,
                            Staged& staged) {
  const archive::UnpackedLayer& info = staged.layer.info;
  ASSIGN_OR_RETURN(const oci::Digest diff_id, oci::Digest::FromHex(info.content_sha256));
  config.diff_ids = {diff_id};
  const std::string config_json = oci::SerializeImageConfig(config);
  staged.config_hex = Sha256Hex(config_json);

  oci::Manifest manifest;
  manifest.config.media_type = oci::kOciConfig;
  ASSIGN_OR_RETURN(manifest.config.digest, oci::Digest::FromHex(staged.config_hex));
  manifest.config.size = static_cast<int64_t>(config_json.size());
  oci::Descriptor& layer = manifest.layers.emplace_back();
  layer.media_type = MediaTypeOf(info.compression);
  ASSIGN_OR_RETURN(layer.digest, oci::Digest::FromHex(info.blob_sha256));
  layer.size = info.blob_bytes;
  const std::string manifest_json = oci::SerializeManifest(manifest);
  staged.manifest_hex = Sha256Hex(manifest_json);

  staged.record.set_id(staged.config_hex);
  staged.record.set_manifest_digest(absl::StrCat("sha256:", staged.manifest_hex));
  staged.record.set_manifest_media_type(oci::kOciManifest);
  staged.record.add_layer_ids(info.content_sha256);
  staged.record.set_size_bytes(info.tree.bytes);
  staged.record.set_created_unix_nanos(spec.created_unix_nanos);
  staged.record.set_config_json(config_json);

  const std::string& work = lease.work_dir();
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, absl::StrCat(work, "/config"), config_json, 0600));
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, absl::StrCat(work, "/manifest"), manifest_json, 0600));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, absl::StrCat(work, "/image"), 0700));
  FaultPoint("image.import.after-documents");
  RETURN_IF_ERROR(
      store::WriteRecord(absl::StrCat(work, "/image/record"), staged.record, os::Durability::kVolatile));
  if (!staged.tag.has_value()) return absl::OkStatus();
  store::TagRecord tag;
  tag.set_name(*staged.tag);
  tag.set_image_id(staged.config_hex);
  tag.set_tagged_unix_nanos(absl::ToUnixNanos(absl::Now()));
  return store::WriteRecord(absl::StrCat(work, "/tag"), tag, os::Durability::kVolatile);
}

// rename(2); a blob that is there already has the same bytes and is replaced.
absl::Status Publish(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("store ", to));
  FaultPoint("image.import.publish");
  return absl::OkStatus();
}

absl::Status PublishAll(const store::Store& store, store::Lease& lease, const Staged& staged) {
  const std::string& work = lease.work_dir();
  const archive::UnpackedLayer& info = staged.layer.info;
  RETURN_IF_ERROR(lease.ClaimLayer(info.content_sha256));
  for (const std::string* hex : {&info.blob_sha256, &staged.config_hex, &staged.manifest_hex}) {
    RETURN_IF_ERROR(lease.ClaimBlob(*hex));
  }
  RETURN_IF_ERROR(Publish(absl::StrCat(work, "/blob"), store.BlobPath(info.blob_sha256)));
  RETURN_IF_ERROR(Publish(absl::StrCat(work, "/config"), store.BlobPath(staged.config_hex)));
  RETURN_IF_ERROR(Publish(absl::StrCat(work, "/manifest"), store.BlobPath(staged.manifest_hex)));
  RETURN_IF_ERROR(storage::PublishLayer(store, staged.layer));
  FaultPoint("image.import.after-layer");

  ASSIGN_OR_RETURN(const store::FileLock lock, LockNames(store));
  const std::string image = store.ImageDir(staged.config_hex);
  // The same image is there already: rename(2) replaces no directory that has entries.
  if (rename(absl::StrCat(work, "/image").c_str(), image.c_str()) != 0 && errno != ENOTEMPTY &&
      errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("store image ", staged.config_hex));
  }
  FaultPoint("image.import.after-image");
  if (!staged.tag.has_value()) return absl::OkStatus();
  return Publish(absl::StrCat(work, "/tag"), store.TagPath(*staged.tag));
}

}  // namespace

absl::StatusOr<std::string> ImportStream(const store::Store& store, archive::ByteSource& source,
                                         const ImportSpec& spec) {
  Staged staged;
  // What the user got wrong is found before the long work.
  ASSIGN_OR_RETURN(oci::ImageConfig config, ConfigOf(spec));
  ASSIGN_OR_RETURN(staged.tag, TagOf(spec.options));
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "import"));
  RETURN_IF_ERROR(StageBlobAndLayer(lease, source, spec.options.single_id, staged));
  RETURN_IF_ERROR(StageDocuments(lease, config, spec, staged));
  RETURN_IF_ERROR(SyncStore(store));
  FaultPoint("image.import.after-sync");
  RETURN_IF_ERROR(PublishAll(store, lease, staged));
  RETURN_IF_ERROR(SyncStore(store));
  return staged.config_hex;
}

absl::StatusOr<std::string> Import(const store::Store& store, int fd, const ImportOptions& options) {
  archive::FdSource source(fd);
  ImportSpec spec;
  spec.options = options;
  spec.created_unix_nanos = absl::ToUnixNanos(absl::Now());
  spec.created_by = "coracle import";
  auto id = ImportStream(store, source, spec);
  if (!id.ok()) return WithExitCode(id.status(), kExitEngine);
  return id;
}

}  // namespace coracle::image
