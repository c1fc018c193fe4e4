#include "storage/layer_blob.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/status.h"
#include "os/file.h"
#include "os/user_namespace.h"
#include "storage/layer_store.h"

namespace coracle::storage {
namespace {

// A file in tmp/ that has no name, so that nobody has to delete it.
absl::StatusOr<os::UniqueFd> MakeUnnamedFile(const store::Store& store) {
  RETURN_IF_ERROR(store.EnsureExists());
  const std::string dir = absl::StrCat(store.root(), "/tmp");
  auto file = os::OpenAt(AT_FDCWD, dir, O_TMPFILE | O_RDWR, 0600);
  if (file.ok() || (ErrnoOf(file.status()) != EOPNOTSUPP && ErrnoOf(file.status()) != EISDIR)) return file;
  std::string name = absl::StrCat(dir, "/blob-XXXXXX");  // a file system without O_TMPFILE
  os::UniqueFd named(mkostemp(name.data(), O_CLOEXEC));
  if (!named.valid()) return ErrnoStatus(errno, absl::StrCat("make a file in ", dir));
  (void)unlink(name.c_str());
  return named;
}

}  // namespace

absl::StatusOr<archive::PackResult> PackLayer(int diff_fd, archive::ByteSink& sink, bool user_xattr) {
  archive::PackOptions options;
  options.root_entry = true;  // the mode of "/" is the top layer's
  options.subsecond_times = true;
  options.whiteouts = archive::Whiteouts::kOverlay;
  options.user_xattr = user_xattr;
  return archive::Pack(diff_fd, sink, options);
}

bool HasBlob(const store::Store& store, absl::string_view hex) {
  if (os::ExistsAt(AT_FDCWD, store.BlobPath(hex))) return true;
  const auto layer = ReadLayer(store, hex);
  return layer.ok() && layer->blob_digest().empty();
}

absl::StatusOr<os::UniqueFd> OpenBlob(const store::Store& store, absl::string_view hex) {
  auto blob = os::OpenAt(AT_FDCWD, store.BlobPath(hex), O_RDONLY);
  if (blob.ok() || !absl::IsNotFound(blob.status())) return blob;
  const auto layer = ReadLayer(store, hex);
  if (!layer.ok() || !layer->blob_digest().empty()) {
    if (!layer.ok() && !absl::IsNotFound(layer.status())) return layer.status();
    return absl::NotFoundError(absl::StrCat("blob sha256:", hex, " is not in the store"));
  }
  ASSIGN_OR_RETURN(const os::UniqueFd root,
                   os::OpenAt(AT_FDCWD, LayerDiffDir(store, hex), O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(os::UniqueFd file, MakeUnnamedFile(store));
  archive::FdSink sink(file.get());
  archive::HashingSink hashed(sink);
  RETURN_IF_ERROR(PackLayer(root.get(), hashed, os::InUserNamespace()).status(), "pack layer ", hex);
  if (hashed.HexDigest() != hex) {
    return absl::DataLossError(
        absl::StrCat("layer ", hex, " is damaged: its directory gives an archive of another digest"));
  }
  if (lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, "seek");
  return file;
}

}  // namespace coracle::storage
