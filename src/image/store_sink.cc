#include "image/store_sink.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <set>

#include "archive/decompress.h"
#include "base/fault.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_format.h"
#include "image/checked_source.h"
#include "image/image_commit.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "image/partial_source.h"
#include "image/staging.h"
#include "oci/image_config.h"
#include "storage/layer_store.h"
#include "store/lease.h"

namespace coracle::image {
namespace {

// What stays free when layers are unpacked: records and a removal must always fit.
constexpr int64_t kReservedBytes = 16 << 20;

// How much a layer may unpack to: a bomb must not fill the disk.
int64_t FreeBytes(const store::Store& store) {
  struct statvfs info;
  if (statvfs(store.root().c_str(), &info) != 0) return INT64_MAX;
  const auto free = static_cast<int64_t>(info.f_bavail * info.f_frsize);
  return std::max<int64_t>(free - kReservedBytes, 0);
}

// Digests of a layer's stream, compressed and not.
struct LayerDigests {
  std::string blob, content;
  int64_t blob_bytes = 0;
};

// Reads a layer whose tree is there already, only to know that it is what it says.
absl::StatusOr<LayerDigests> DigestLayer(archive::ByteSource& source, int64_t max_content_bytes) {
  archive::HashingSource blob(source);
  archive::DecompressLimits limits;
  limits.max_output_bytes = max_content_bytes;
  ASSIGN_OR_RETURN(const std::unique_ptr<archive::Decompressor> plain,
                   archive::Decompressor::Open(blob, limits));
  LayerDigests digests;
  if (plain->compression() == archive::Compression::kNone) {
    RETURN_IF_ERROR(archive::Drain(*plain));
  } else {
    archive::HashingSource content(*plain);
    RETURN_IF_ERROR(archive::Drain(content));
    digests.content = content.HexDigest();
  }
  digests.blob_bytes = blob.bytes();
  digests.blob = blob.HexDigest();
  if (digests.content.empty()) digests.content = digests.blob;
  return digests;
}

class Sink : public StoreSink {
 public:
  Sink(const store::Store& store, const StoreSinkOptions& options)
      : store_(store), options_(options), staging_(store) {}
  ~Sink() override;

  std::string Name() const override { return "the store"; }
  SinkTraits traits() const override {
    SinkTraits traits;
    traits.checks_layers = true;  // CheckDigests
    return traits;
  }
  absl::StatusOr<std::optional<std::string>> FindDocument(const oci::Digest& digest) override;
  absl::StatusOr<std::shared_ptr<void>> LockDocument(const oci::Digest& digest) override;
  absl::StatusOr<bool> HasImage(const ManifestDocument& manifest, const ManifestDocument* index) override;
  absl::Status PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) override;
  absl::StatusOr<bool> TryReuseLayer(const LayerToPut& layer) override;
  absl::StatusOr<oci::Descriptor> PutLayer(const LayerToPut& layer) override;
  absl::Status PutManifest(const ManifestDocument& manifest, ManifestRole role) override;
  absl::Status NoteOrigin(const ManifestDocument& index) override;
  absl::Status Commit() override;
  void Cancel() override { cancelled_.Set(); }
  const std::string& image_id() const override { return image_.record.id(); }

 private:
  struct Present {
    std::optional<std::string> blob, layer;  // paths
    bool all() const { return blob.has_value() && layer.has_value(); }
  };

  absl::Status NeedLease();
  absl::Status Claim(const std::string& hex, bool layer);
  absl::StatusOr<Present> Look(const LayerToPut& layer);
  absl::StatusOr<TransferLock> LockTransfer(absl::string_view hex, int progress_item);
  absl::Status Fetch(const LayerToPut& layer, const Present& present);
  absl::Status FetchPartial(const LayerToPut& layer, const Present& present, bool& resumed);
  absl::Status Unpack(const LayerToPut& layer, const Present& present, archive::ByteSource& source);
  absl::Status KeepDocument(const ManifestDocument& document);
  absl::Status FillRecord(const std::string& config_json);
  absl::Status PublishContent();
  absl::Status CompleteRecord();

  const store::Store& store_;
  const StoreSinkOptions options_;
  const Staging staging_;
  os::CancelFlag cancelled_;  // by the user or after an error

  std::mutex mutex_;
  std::optional<store::Lease> lease_;
  std::set<std::string> wanted_blobs_;   // hex
  std::set<std::string> wanted_layers_;  // hex
  std::vector<std::string> staged_blobs_, staged_documents_, staged_layers_;

  // Filled by PutManifest.
  std::optional<ManifestDocument> index_;
  std::optional<oci::Manifest> manifest_;
  ImageToCommit image_;
  bool committed_ = false;
};

Sink::~Sink() {
  if (!lease_.has_value()) return;
  // Our own claims must be gone before we look at those of others.
  lease_.reset();
  if (!committed_)
    (void)staging_.TakeBack(staged_blobs_, staged_documents_,
                            staged_layers_);  // best effort: garbage otherwise
}

absl::Status Sink::NeedLease() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (lease_.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store_, options_.purpose));
  lease_.emplace(std::move(lease));
  // Half a layer of one who was killed may be most of the room that we need.
  (void)store::Sweep(store_);  // whoever looks for what is left meets its errors
  return staging_.Prepare();
}

absl::Status Sink::Claim(const std::string& hex, bool layer) {
  RETURN_IF_ERROR(NeedLease());
  const std::lock_guard<std::mutex> lock(mutex_);
  if (layer) {
    if (!wanted_layers_.insert(hex).second) return absl::OkStatus();
    return lease_->ClaimLayer(hex);
  }
  if (!wanted_blobs_.insert(hex).second) return absl::OkStatus();
  return lease_->ClaimBlob(hex);
}

absl::StatusOr<std::optional<std::string>> Sink::FindDocument(const oci::Digest& digest) {
  ASSIGN_OR_RETURN(const std::optional<std::string> path, staging_.FindBlob(digest.hex()));
  if (!path.has_value()) return std::nullopt;
  auto bytes = os::ReadFileAt(AT_FDCWD, *path, oci::kMaxImageConfigBytes);
  // Removed since, or damaged: it is fetched like one that was never here.
  if (!bytes.ok() || Sha256Hex(*bytes) != digest.hex()) return std::nullopt;
  return *std::move(bytes);
}

absl::StatusOr<TransferLock> Sink::LockTransfer(absl::string_view hex, int progress_item) {
  return staging_.Lock(hex, &cancelled_, [&](const std::string& holder) {
    if (options_.progress != nullptr) {
      options_.progress->State(progress_item, absl::StrCat("waiting for ", holder));
    }
  });
}

absl::StatusOr<std::shared_ptr<void>> Sink::LockDocument(const oci::Digest& digest) {
  const std::string hex(digest.hex());
  RETURN_IF_ERROR(Claim(hex, /*layer=*/false));
  ASSIGN_OR_RETURN(TransferLock lock, LockTransfer(hex, -1));
  return std::make_shared<TransferLock>(std::move(lock));
}

absl::StatusOr<bool> Sink::HasImage(const ManifestDocument& document, const ManifestDocument* /*index*/) {
  ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::ParseManifest(document.bytes, document.media_type));
  const auto record = ReadImage(store_, manifest.config.digest.hex());
  if (absl::IsNotFound(record.status())) return false;
  if (!record.ok()) return record.status();
  return HasManifest(*record, document.digest.str());
}

absl::Status Sink::PutConfig(const oci::Descriptor& descriptor, absl::string_view bytes) {
  if (descriptor.media_type != oci::kOciConfig && descriptor.media_type != oci::kDockerConfig) {
    return absl::InvalidArgumentError(absl::StrCat("is an artifact, whose config is of type ",
                                                   Printable(descriptor.media_type), ", and not an image"));
  }
  const std::string hex(descriptor.digest.hex());
  RETURN_IF_ERROR(Claim(hex, /*layer=*/false));
  RETURN_IF_ERROR(FillRecord(std::string(bytes)));
  ASSIGN_OR_RETURN(const std::optional<std::string> path, staging_.FindBlob(hex));
  if (path.has_value()) return absl::OkStatus();
  const std::string staged = absl::StrCat(lease_->work_dir(), "/config");
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, staged, bytes, 0600));
  FaultPoint("image.pull.after-config");
  RETURN_IF_ERROR(staging_.StageBlob(staged, hex));
  staged_documents_.push_back(hex);
  return absl::OkStatus();
}

absl::Status Sink::FillRecord(const std::string& config_json) {
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(config_json));
  store::ImageRecord& record = image_.record;
  record.Clear();
  record.set_id(Sha256Hex(config_json));
  record.set_config_json(config_json);
  for (const oci::Digest& diff_id : config.diff_ids) record.add_layer_ids(std::string(diff_id.hex()));
  const auto created = ParseRfc3339Nano(config.created);
  if (created.ok()) record.set_created_unix_nanos(absl::ToUnixNanos(*created));
  return absl::OkStatus();
}

absl::StatusOr<Sink::Present> Sink::Look(const LayerToPut& layer) {
  Present present;
  ASSIGN_OR_RETURN(present.blob, staging_.FindBlob(layer.descriptor.digest.hex()));
  ASSIGN_OR_RETURN(present.layer, staging_.FindLayer(layer.diff_id.hex()));
  return present;
}

absl::StatusOr<bool> Sink::TryReuseLayer(const LayerToPut& layer) {
  // A stream whose digest is not known yet can't be looked for.
  RETURN_IF_ERROR(Claim(std::string(layer.descriptor.digest.hex()), /*layer=*/false));
  RETURN_IF_ERROR(Claim(std::string(layer.diff_id.hex()), /*layer=*/true));
  ASSIGN_OR_RETURN(const Present present, Look(layer));
  return present.all();
}

absl::StatusOr<oci::Descriptor> Sink::PutLayer(const LayerToPut& layer) {
  if (layer.descriptor.digest.empty()) return absl::UnimplementedError("layers are stored as they come");
  ASSIGN_OR_RETURN(const TransferLock lock, LockTransfer(layer.descriptor.digest.hex(), layer.progress_item));
  // Somebody may have been quicker while we waited.
  ASSIGN_OR_RETURN(const Present present, Look(layer));
  if (!present.all()) RETURN_IF_ERROR(Fetch(layer, present));
  return layer.descriptor;
}

absl::Status Sink::Fetch(const LayerToPut& layer, const Present& present) {
  if (present.blob.has_value()) {
    ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, *present.blob, O_RDONLY));
    archive::FdSource source(fd.get());
    return Unpack(layer, present, source);
  }
  bool resumed = false;
  const absl::Status status = FetchPartial(layer, present, resumed);
  // What an earlier attempt left may be what is wrong: once more, from the start.
  if (status.ok() || !resumed || absl::IsCancelled(status) || absl::IsUnavailable(status)) return status;
  return FetchPartial(layer, present, resumed);
}

absl::Status Sink::FetchPartial(const LayerToPut& layer, const Present& present, bool& resumed) {
  const std::string hex(layer.descriptor.digest.hex());
  const std::string path = staging_.PartialPath(hex);
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0600));
  FaultPoint("image.pull.partial-made");
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, path);
  if (info.st_size > layer.descriptor.size) {
    if (ftruncate(fd.get(), 0) != 0) return ErrnoStatus(errno, absl::StrCat("truncate ", path));
    info.st_size = 0;
  }
  resumed = info.st_size > 0;
  PartialSource source(fd.get(), info.st_size, layer.descriptor.size, layer.open, [&](int64_t bytes) {
    if (options_.progress != nullptr) options_.progress->Advance(layer.progress_item, bytes);
  });
  absl::Status status = Unpack(layer, present, source);
  if (status.ok()) status = staging_.StageBlob(path, hex);
  if (status.ok()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    staged_blobs_.push_back(hex);
    return status;
  }
  // Bytes that came are kept only if nothing but their coming was wrong.
  const bool resumable = absl::IsCancelled(status) || (source.source_failed() && !absl::IsDataLoss(status));
  if (!resumable) (void)unlink(path.c_str());
  return status;
}

absl::Status CheckDigests(const LayerToPut& layer, const LayerDigests& got) {
  if (got.blob != layer.descriptor.digest.hex() || got.blob_bytes != layer.descriptor.size) {
    return absl::DataLossError(absl::StrCat("what came has ", got.blob_bytes,
                                            " bytes and digest sha256:", got.blob, ", not ",
                                            layer.descriptor.size, " and ", layer.descriptor.digest.str()));
  }
  if (got.content == layer.diff_id.hex()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("its content has digest sha256:", got.content,
                                          ", but the config says ", layer.diff_id.str()));
}

absl::Status Sink::Unpack(const LayerToPut& layer, const Present& present, archive::ByteSource& source) {
  if (present.layer.has_value()) {
    ASSIGN_OR_RETURN(const auto record,
                     store::ReadRecord<store::LayerRecord>(absl::StrCat(*present.layer, "/record")));
    ASSIGN_OR_RETURN(const LayerDigests digests, DigestLayer(source, record.content_bytes()));
    return CheckDigests(layer, digests);
  }
  storage::StageOptions stage;
  stage.single_id = options_.single_id;
  stage.name = absl::StrCat("layer-of-", layer.descriptor.digest.hex());
  stage.max_bytes = FreeBytes(store_);
  auto staged = storage::StageLayer(*lease_, source, stage);
  absl::Status status = staged.status();
  if (absl::IsResourceExhausted(status) && ErrnoOf(status) == 0) {
    status = Annotate(status, absl::StrCat("needs more than the ", stage.max_bytes, " bytes that are free"));
  }
  if (status.ok()) {
    const archive::UnpackedLayer& layer_info = staged->info;
    status = CheckDigests(layer, {layer_info.blob_sha256, layer_info.content_sha256, layer_info.blob_bytes});
  }
  FaultPoint("image.pull.after-unpack");
  if (status.ok()) status = staging_.StageLayer(staged->path, layer.diff_id.hex());
  if (!status.ok()) {
    (void)os::RemoveTreeAt(AT_FDCWD, absl::StrCat(lease_->work_dir(), "/", stage.name));  // or with the lease
    return status;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  staged_layers_.emplace_back(layer.diff_id.hex());
  return absl::OkStatus();
}

absl::Status Sink::NoteOrigin(const ManifestDocument& index) {
  index_ = index;
  return absl::OkStatus();
}

absl::Status Sink::PutManifest(const ManifestDocument& document, ManifestRole role) {
  ASSIGN_OR_RETURN(auto parsed, oci::ParseManifestOrIndex(document.bytes, document.media_type));
  if (role != ManifestRole::kTop || !std::holds_alternative<oci::Manifest>(parsed)) {
    return absl::UnimplementedError("the store keeps images of one platform each: not supported yet");
  }
  manifest_ = std::get<oci::Manifest>(std::move(parsed));
  const std::string id(manifest_->config.digest.hex());
  if (image_.record.id().empty()) {
    // It is there already, and only its names may change.
    image_.known = true;
    ASSIGN_OR_RETURN(image_.record, ReadImage(store_, id));
  }
  image_.ref.set_digest(document.digest.str());
  image_.ref.set_media_type(document.media_type);
  if (index_.has_value()) image_.ref.set_index_digest(index_->digest.str());
  image_.tags = options_.tags;
  if (!options_.repository.empty()) {
    if (index_.has_value()) {
      image_.repo_digests.push_back(absl::StrCat(options_.repository, "@", index_->digest.str()));
    }
    image_.repo_digests.push_back(absl::StrCat(options_.repository, "@", document.digest.str()));
  }
  if (IsCommitted(store_, image_)) return absl::OkStatus();
  if (index_.has_value()) RETURN_IF_ERROR(KeepDocument(*index_));
  return KeepDocument(document);
}

// Manifests and indexes are staged like blobs, bit for bit.
absl::Status Sink::KeepDocument(const ManifestDocument& document) {
  const std::string hex(document.digest.hex());
  RETURN_IF_ERROR(Claim(hex, /*layer=*/false));
  ASSIGN_OR_RETURN(const std::optional<std::string> path, staging_.FindBlob(hex));
  if (path.has_value()) return absl::OkStatus();
  const std::string staged = absl::StrCat(lease_->work_dir(), "/manifest");
  RETURN_IF_ERROR(os::WriteFileAt(AT_FDCWD, staged, document.bytes, 0600));
  FaultPoint("image.pull.after-manifest");
  RETURN_IF_ERROR(staging_.StageBlob(staged, hex));
  staged_documents_.push_back(hex);
  return absl::OkStatus();
}

absl::Status Sink::PublishContent() {
  for (const std::string& hex : wanted_blobs_) RETURN_IF_ERROR(staging_.PublishBlob(hex));
  for (const std::string& id : wanted_layers_) RETURN_IF_ERROR(staging_.PublishLayer(id));
  for (const char* dir : {"/blobs/sha256", "/layers"}) {
    RETURN_IF_ERROR(SyncDirectory(absl::StrCat(store_.root(), dir)));
  }
  return absl::OkStatus();
}

absl::Status Sink::Commit() {
  if (!manifest_.has_value()) return absl::InternalError("a store without a manifest to commit");
  if (IsCommitted(store_, image_)) {
    // What was staged on the way, if anything, is in the store twice or not needed: it goes with us.
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(NeedLease());
  FaultPoint("image.pull.before-sync");
  // One sync for all files of all layers; names after it.
  RETURN_IF_ERROR(SyncStore(store_));
  FaultPoint("image.pull.after-sync");
  RETURN_IF_ERROR(PublishContent());
  if (!image_.known) RETURN_IF_ERROR(CompleteRecord());
  RETURN_IF_ERROR(CommitImage(store_, *lease_, image_));
  committed_ = true;
  return absl::OkStatus();
}

// What only a new image's record gets.
absl::Status Sink::CompleteRecord() {
  image_.record.set_manifest_digest(image_.ref.digest());
  image_.record.set_manifest_media_type(image_.ref.media_type());
  image_.record.set_index_digest(image_.ref.index_digest());
  image_.record.clear_other_manifests();
  image_.record.clear_repo_digests();
  for (const std::string& digest : image_.repo_digests) image_.record.add_repo_digests(digest);
  int64_t size = 0;
  for (const std::string& id : image_.record.layer_ids()) {
    ASSIGN_OR_RETURN(const store::LayerRecord layer, storage::ReadLayer(store_, id));
    size += layer.unpacked_bytes();
  }
  image_.record.set_size_bytes(size);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreSink>> StoreSink::Create(const store::Store& store,
                                                             const StoreSinkOptions& options) {
  RETURN_IF_ERROR(store.EnsureExists());
  return std::make_unique<Sink>(store, options);
}

}  // namespace coracle::image
