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

// Without its version a directory is no store: whoever writes next makes a new one of it. That goes first,
// and what it becomes is the sign, until the end, that the rest is ours to remove.
constexpr char kVersion[] = "version";
constexpr char kBeingReset[] = "version.reset";

// In the order in which they go: what names something before what is named.
constexpr const char* kInRoot[] = {
    "names",    "manifests",   "images",       "containers",    "volumes",
    "networks", "build-cache", "build-mounts", "build-digests", "partial",
    "staged",   "layers",      "blobs",        "seccomp",       "tmp",
};
// "exits" is the sign of the whole (store.cc).
constexpr const char* kInRunRoot[] = {
    "exits",        "events",       "containers",     "image-names", "image-names.lock", "mounts",
    "networks",     "staged.lock",  "storage-driver", "leases",      "transfers",        "volumes",
    "rootless-net", "build-mounts", "build-runs",     "build-steps", "userns",           "userns.lock",
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
  const std::string sign = absl::StrCat(store.root(), "/", kBeingReset);
  if (rename(absl::StrCat(store.root(), "/", kVersion).c_str(), sign.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("rename ", sign));
  }
  FaultPoint("engine.reset.begun");
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(store.root(), "/trash"), 0700));
  absl::Status first;
  for (const char* name : kInRoot) {
    first.Update(Hide(store, absl::StrCat(store.root(), "/", name)));
    FaultPoint("engine.reset.hidden");
  }
  first.Update(store::EmptyTrash(store));
  (void)rmdir(absl::StrCat(store.root(), "/trash").c_str());  // not empty: that error was met just now
  for (const char* name : kInRunRoot) {
    const std::string path = absl::StrCat(store.runroot(), "/", name);
    if (os::ExistsAt(AT_FDCWD, path)) first.Update(os::RemoveTreeAt(AT_FDCWD, path));
  }
  FaultPoint("engine.reset.emptied");
  if (first.ok()) (void)unlink(sign.c_str());
  // They stay if somebody has put something else there.
  (void)rmdir(store.runroot().c_str());
  (void)rmdir(store.root().c_str());
  return first;
}

bool IsStore(const store::Store& store) {
  return os::ExistsAt(AT_FDCWD, absl::StrCat(store.root(), "/", kVersion)) ||
         os::ExistsAt(AT_FDCWD, absl::StrCat(store.root(), "/", kBeingReset));
}

}  // namespace

absl::Status ResetStore(Engine& engine) {
  RETURN_IF_ERROR(engine.store.CheckVersion());
  if (!IsStore(engine.store)) return absl::OkStatus();
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
  return RemoveFiles(engine.store);
}

}  // namespace coracle::engine
