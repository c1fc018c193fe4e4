#include "engine/reset.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "engine/host_mount.h"
#include "engine/networks.h"
#include "engine/volumes.h"
#include "os/file.h"
#include "store/lease.h"
#include "store/network.h"
#include "store/store.h"
#include "store/volume.h"

namespace coracle::engine {
namespace {

// In the order in which they go: what names something before what is named, the version at the very end.
constexpr const char* kInRoot[] = {
    "names",       "manifests",    "images",        "containers", "volumes", "networks",
    "build-cache", "build-mounts", "build-digests", "partial",    "staged",  "layers",
    "blobs",       "seccomp",      "tmp",           "trash",      "version",
};
constexpr const char* kInRunRoot[] = {
    "build-mounts",   "build-runs",       "build-steps", "containers",   "exits",
    "image-names",    "image-names.lock", "mounts",      "networks",     "staged.lock",
    "storage-driver", "transfers",        "volumes",     "rootless-net", "leases",
};

absl::Status RemoveContainers(Engine& engine) {
  RemoveRequest request;
  request.force = true;
  request.volumes = true;
  request.timeout_seconds = 0;
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, LookAll(engine));
  absl::Status first;
  for (const ContainerView& view : views) {
    const absl::Status status = RemoveContainer(engine, view, request);
    if (!absl::IsNotFound(status)) first.Update(status);
  }
  return first;
}

// Whatever is mounted on a directory of ours: nothing below it may be deleted.
absl::Status UnmountAll(Engine& engine) {
  absl::Status first;
  for (const std::string& id : MountedImages(engine)) first.Update(UnmountImage(engine, id).status());
  ASSIGN_OR_RETURN(const std::vector<store::VolumeRecord> volumes, store::ReadAllVolumes(engine.store));
  for (const store::VolumeRecord& volume : volumes) first.Update(UnmountVolume(engine, volume));
  return first;
}

absl::Status RemoveNetworks(Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, store::ListNetworks(engine.store));
  absl::Status first;
  for (const std::string& name : names) {
    // Its bridge may be that of other stores on this host, too.
    if (name == store::kDefaultNetwork) continue;
    first.Update(DeleteNetwork(engine, name, /*force=*/true, /*timeout_seconds=*/0));
  }
  return first;
}

// Out of sight at once; deleting the files takes its time.
absl::Status Hide(const store::Store& store, const std::string& path) {
  const std::string hidden = absl::StrCat(store.root(), "/trash/", store::NewContainerId());
  if (rename(path.c_str(), hidden.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("remove ", path));
}

absl::Status RemoveFiles(const store::Store& store) {
  absl::Status first;
  for (const char* name : kInRoot) {
    const std::string path = absl::StrCat(store.root(), "/", name);
    if (absl::string_view(name) == "trash") {
      first.Update(store::EmptyTrash(store));
      (void)rmdir(path.c_str());  // not empty: that error was met just now
    } else if (absl::string_view(name) == "version") {
      if (first.ok()) (void)unlink(path.c_str());  // what could not go is still a store
    } else {
      first.Update(Hide(store, path));
    }
    FaultPoint("engine.reset.hidden");
  }
  for (const char* name : kInRunRoot) {
    const std::string path = absl::StrCat(store.runroot(), "/", name);
    if (os::ExistsAt(AT_FDCWD, path)) first.Update(os::RemoveTreeAt(AT_FDCWD, path));
  }
  // They stay if somebody has put something else there.
  (void)rmdir(store.runroot().c_str());
  (void)rmdir(store.root().c_str());
  return first;
}

}  // namespace

absl::Status ResetStore(Engine& engine) {
  RETURN_IF_ERROR(engine.store.CheckVersion());
  if (!os::ExistsAt(AT_FDCWD, absl::StrCat(engine.store.root(), "/version"))) return absl::OkStatus();
  const std::string worker = store::DescribeLiveLease(engine.store);
  if (!worker.empty()) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("the store is in use by ", worker, ": end that first")),
        125);
  }
  (void)store::Sweep(engine.store);  // whatever it can't remove is met again
  absl::Status first = RemoveContainers(engine);
  first.Update(UnmountAll(engine));
  first.Update(RemoveNetworks(engine));
  // A container that could not be removed may still run on what would go now.
  if (!first.ok()) return first;
  RETURN_IF_ERROR(engine.store.EnsureExists());
  return RemoveFiles(engine.store);
}

}  // namespace coracle::engine
