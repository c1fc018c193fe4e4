#include "storage/lower_dirs.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>

#include "base/status.h"
#include "os/file.h"
#include "storage/layer_store.h"
#include "storage/merge_layers.h"

namespace coracle::storage {

absl::StatusOr<std::vector<std::string>> LowerDirs(const store::Store& store,
                                                   const store::ContainerRecord& record) {
  if (!record.rootfs().empty()) return std::vector<std::string>{record.rootfs()};
  if (record.layer_ids().empty()) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("container ", record.id(), " has no layers")), 125);
  }
  std::vector<std::string> lower;
  for (const std::string& id : record.layer_ids()) lower.push_back(LayerDiffDir(store, id));
  return lower;
}

absl::StatusOr<std::vector<std::string>> RootDirs(const store::Store& store,
                                                  const store::ContainerRecord& record) {
  const std::string dir = store.ContainerDir(record.id());
  const std::string copy = absl::StrCat(dir, "/root");
  if (os::ExistsAt(AT_FDCWD, copy)) return std::vector<std::string>{copy};
  ASSIGN_OR_RETURN(std::vector<std::string> dirs, LowerDirs(store, record));
  const std::string upper = absl::StrCat(dir, "/upper");
  if (os::ExistsAt(AT_FDCWD, upper)) dirs.insert(dirs.begin(), upper);
  return dirs;
}

absl::StatusOr<std::vector<std::string>> FitOverlay(std::vector<std::string> lower, const std::string& dir,
                                                    bool user_xattr, size_t most) {
  if (lower.size() <= most) return lower;
  const std::string merged = absl::StrCat(dir, "/lower");
  const std::vector<std::string> deep(lower.begin() + static_cast<std::ptrdiff_t>(most) - 1, lower.end());
  lower.resize(most - 1);
  lower.push_back(merged);
  if (os::ExistsAt(AT_FDCWD, merged)) return lower;
  const std::string unfinished = absl::StrCat(dir, "/lower.new");
  RETURN_IF_ERROR(os::RemoveTreeAt(AT_FDCWD, unfinished));
  RETURN_IF_ERROR(MergeLayers(deep, unfinished, user_xattr), "merge ", deep.size(), " layers");
  if (rename(unfinished.c_str(), merged.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename ", unfinished));
  }
  return lower;
}

}  // namespace coracle::storage
