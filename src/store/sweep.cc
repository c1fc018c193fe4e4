#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/status.h"
#include "store/container_dirs.h"
#include "store/container_names.h"
#include "store/network.h"
#include "store/store.h"
#include "store/volume.h"

namespace coracle::store {
namespace {

// The names in `dir`; none if it is missing.
absl::StatusOr<std::vector<std::string>> ListOrNothing(const std::string& dir) {
  auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  if (names.ok() || ErrnoOf(names.status()) != ENOENT) return names;
  return std::vector<std::string>();
}

// `id` had no record. Its creator or remover, if any lives, holds a lock; else all of it is garbage.
absl::Status SweepHalfContainer(const Store& store, const std::string& id) {
  if (MonitorAlive(store, id)) return absl::OkStatus();
  RETURN_IF_ERROR(os::MakeDirectories(store.ContainerRunDir(id), 0700));
  const auto lock = FileLock::Try(absl::StrCat(store.ContainerRunDir(id), "/op"));
  if (!lock.ok()) {
    // Held: somebody is at it. Gone: somebody has just finished removing it.
    const bool taken_care_of = absl::IsFailedPrecondition(lock.status()) || ErrnoOf(lock.status()) == ENOENT;
    return taken_care_of ? absl::OkStatus() : lock.status();
  }
  if (HasRecord(store, id) || MonitorAlive(store, id)) return absl::OkStatus();
  return RemoveContainer(store, id);
}

absl::Status SweepContainers(const Store& store, absl::flat_hash_set<std::string>& existing) {
  absl::flat_hash_set<std::string> garbage;
  for (const std::string* base : {&store.root(), &store.runroot()}) {
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListOrNothing(absl::StrCat(*base, "/containers")));
    for (const std::string& id : ids) {
      if (existing.contains(id) || garbage.contains(id)) continue;
      (HasRecord(store, id) ? existing : garbage).insert(id);
    }
  }
  absl::Status first;
  for (const std::string& id : garbage) {
    first.Update(SweepHalfContainer(store, id));
    FaultPoint("store.sweep.container");
  }
  return first;
}

absl::Status SweepNames(const Store& store, const absl::flat_hash_set<std::string>& existing) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListOrNothing(absl::StrCat(store.root(), "/names/containers")));
  absl::flat_hash_map<std::string, std::vector<std::string>> claims;  // by id
  for (const std::string& name : names) {
    const auto claimant = ClaimantOf(store, name);
    if (claimant.has_value()) claims[*claimant].push_back(name);
  }
  absl::Status first;
  for (const auto& [id, claimed] : claims) {
    // Two claims of one container: a rename died, and either may be the stale one.
    if (existing.contains(id) && claimed.size() == 1) continue;
    for (const std::string& name : claimed) first.Update(SweepName(store, name));
  }
  return first;
}

// A collector of garbage that died had hidden "layer-ID" or "blob-HEX", whole, and had not yet looked whether
// somebody began to use it: it goes back, and the next collection decides.
void PutBackHidden(const Store& store, const std::string& work) {
  const auto names = os::ListDirectoryAt(AT_FDCWD, work);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    absl::string_view id = name;
    const std::string path = absl::StrCat(work, "/", name);
    std::string target;
    if (absl::ConsumePrefix(&id, "layer-")) {
      target = store.LayerDir(id);
    } else if (absl::ConsumePrefix(&id, "blob-")) {
      target = store.BlobPath(id);
    } else {
      continue;
    }
    // If it was made anew meanwhile, this one goes with the work directory.
    (void)renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE);
  }
}

absl::Status SweepTombstones(const Store& store) {
  const std::string dir = absl::StrCat(store.runroot(), "/exits");
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListOrNothing(dir));
  const time_t now = time(nullptr);
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(dir, "/", name);
    struct stat info;
    if (lstat(path.c_str(), &info) == 0 && info.st_mtime < now - kTombstoneSeconds)
      (void)unlink(path.c_str());
  }
  return absl::OkStatus();
}

// Entries of `dir` that begin with `prefix`: written to be renamed, by somebody who was killed.
absl::Status SweepTemporaries(const std::string& dir, absl::string_view prefix) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListOrNothing(dir));
  const time_t now = time(nullptr);
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, prefix)) continue;
    const std::string path = absl::StrCat(dir, "/", name);
    struct stat info;
    // A young one may have a living writer; a minute is ages for one write.
    if (lstat(path.c_str(), &info) == 0 && info.st_mtime < now - 60) (void)unlink(path.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SweepLeases(const Store& store) {
  const std::string work = absl::StrCat(store.root(), "/tmp");
  const std::string leases = absl::StrCat(store.runroot(), "/leases");
  ASSIGN_OR_RETURN(const std::vector<std::string> work_names, ListOrNothing(work));
  absl::Status first;
  for (const std::string& name : work_names) {
    if (FileLock::IsHeld(absl::StrCat(leases, "/", name))) continue;
    PutBackHidden(store, absl::StrCat(work, "/", name));
    first.Update(os::RemoveTreeAt(AT_FDCWD, absl::StrCat(work, "/", name)));
    FaultPoint("store.sweep.work");
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> lease_names, ListOrNothing(leases));
  for (const std::string& name : lease_names) {
    const std::string path = absl::StrCat(leases, "/", name);
    const auto lock = FileLock::Try(path);
    if (lock.ok()) (void)unlink(path.c_str());
  }
  return first;
}

absl::Status EmptyTrash(const Store& store) {
  const std::string dir = absl::StrCat(store.root(), "/trash");
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListOrNothing(dir));
  absl::Status first;
  for (const std::string& name : names) {
    const absl::Status status = os::RemoveTreeAt(AT_FDCWD, absl::StrCat(dir, "/", name));
    // Another process was quicker with a part of it.
    if (ErrnoOf(status) != ENOENT) first.Update(status);
  }
  return first;
}

namespace {

// What belongs to no container: a few directory reads.
absl::Status SweepUnowned(const Store& store) {
  absl::Status first = EmptyTrash(store);
  first.Update(SweepLeases(store));
  first.Update(SweepVolumes(store));
  first.Update(SweepNetworks(store));
  first.Update(SweepTombstones(store));
  first.Update(SweepTemporaries(store.root(), "version.tmp-"));
  first.Update(SweepTemporaries(absl::StrCat(store.root(), "/names/images"), "."));
  return first;
}

}  // namespace

absl::Status SweepAfterReading(const Store& store, size_t containers, bool half_made) {
  if (half_made) return Sweep(store);
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   ListOrNothing(absl::StrCat(store.root(), "/names/containers")));
  return names.size() == containers ? SweepUnowned(store) : Sweep(store);
}

absl::Status Sweep(const Store& store) {
  RETURN_IF_ERROR(store.CheckVersion());
  absl::flat_hash_set<std::string> existing;
  absl::Status first = SweepContainers(store, existing);
  first.Update(SweepNames(store, existing));
  first.Update(SweepUnowned(store));
  return first;
}

}  // namespace coracle::store
