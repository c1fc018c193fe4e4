#include "storage/layer_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/fault.h"
#include "base/status.h"
#include "os/user_namespace.h"

namespace coracle::storage {

std::string LayerDiffDir(const store::Store& store, absl::string_view id) {
  return absl::StrCat(store.LayerDir(id), "/diff");
}

absl::StatusOr<StagedLayer> StageLayer(const store::Lease& lease, archive::ByteSource& blob, bool single_id) {
  StageOptions options;
  options.single_id = single_id;
  return StageLayer(lease, blob, options);
}

absl::StatusOr<StagedLayer> StageLayer(const store::Lease& lease, archive::ByteSource& blob,
                                       const StageOptions& stage) {
  StagedLayer layer;
  layer.path = absl::StrCat(lease.work_dir(), "/", stage.name);
  const std::string diff = absl::StrCat(layer.path, "/diff");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, layer.path, 0700));
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, diff, 0755));
  ASSIGN_OR_RETURN(const os::UniqueFd root, os::OpenAt(AT_FDCWD, diff, O_RDONLY | O_DIRECTORY));
  // The mode of a root that the archive says nothing about does not depend on our umask.
  if (fchmod(root.get(), 0755) != 0) return ErrnoStatus(errno, absl::StrCat("set the mode of ", diff));
  FaultPoint("storage.layer.after-directories");
  archive::UnpackOptions options;
  options.whiteouts = archive::Whiteouts::kOverlay;
  options.user_xattr = os::InUserNamespace();
  options.skip_devices = options.user_xattr;
  options.squash_ids = stage.single_id;
  options.max_bytes = stage.max_bytes;
  archive::DecompressLimits limits;
  limits.max_output_bytes = stage.max_bytes;
  ASSIGN_OR_RETURN(layer.info, archive::UnpackLayer(blob, root.get(), options, limits));
  FaultPoint("storage.layer.after-unpack");
  layer.record.set_id(layer.info.content_sha256);
  layer.record.set_blob_digest(absl::StrCat("sha256:", layer.info.blob_sha256));
  layer.record.set_content_bytes(layer.info.content_bytes);
  layer.record.set_unpacked_bytes(layer.info.tree.bytes);
  layer.record.set_entries(static_cast<uint64_t>(layer.info.tree.entries));
  RETURN_IF_ERROR(
      store::WriteRecord(absl::StrCat(layer.path, "/record"), layer.record, os::Durability::kVolatile));
  return layer;
}

absl::Status PublishLayer(const store::Store& store, const StagedLayer& layer) {
  const std::string target = store.LayerDir(layer.record.id());
  if (rename(layer.path.c_str(), target.c_str()) == 0) return absl::OkStatus();
  // The same content is there already (rename(2) replaces no directory that has entries), or was put there by
  // an earlier try of ours.
  if (errno == ENOTEMPTY || errno == EEXIST) return absl::OkStatus();
  const int error = errno;
  if (error == ENOENT && os::ExistsAt(AT_FDCWD, target)) return absl::OkStatus();
  return ErrnoStatus(error, absl::StrCat("store layer ", layer.record.id()));
}

absl::StatusOr<store::LayerRecord> ReadLayer(const store::Store& store, absl::string_view id) {
  return store::ReadRecord<store::LayerRecord>(absl::StrCat(store.LayerDir(id), "/record"));
}

absl::StatusOr<std::vector<std::string>> ListLayers(const store::Store& store) {
  auto names = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(store.root(), "/layers"));
  if (names.ok() || ErrnoOf(names.status()) != ENOENT) return names;
  return std::vector<std::string>();
}

}  // namespace coracle::storage
