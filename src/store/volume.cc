#include "store/volume.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/fault.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::store {
namespace {

constexpr int kExitEngine = 125;
constexpr size_t kMaxNameBytes = 255;

std::string RecordPath(const Store& store, absl::string_view name) {
  return absl::StrCat(VolumeDir(store, name), "/record");
}
std::string OwnedPath(const Store& store, absl::string_view name) {
  return absl::StrCat(store.root(), "/names/owned-volumes/", name);
}
std::string LockPath(const Store& store, absl::string_view name) {
  return absl::StrCat(store.runroot(), "/volumes/", name);
}
bool HasRecord(const Store& store, absl::string_view name) {
  return os::ExistsAt(AT_FDCWD, RecordPath(store, name));
}

absl::Status NoSuchVolume(absl::string_view name) {
  return WithExitCode(absl::NotFoundError(absl::StrCat("no such volume: ", Printable(name))), kExitEngine);
}

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", path));
  return absl::OkStatus();
}

// All that is there of a volume without a record.
absl::Status RemoveRemains(const Store& store, absl::string_view name) {
  (void)unlink(OwnedPath(store, name).c_str());
  FaultPoint("store.volume.after-owned");
  const std::string dir = VolumeDir(store, name);
  const std::string trash = absl::StrCat(store.root(), "/trash/", NewContainerId());
  if (rename(dir.c_str(), trash.c_str()) == 0) {
    FaultPoint("store.volume.after-trash");
    return os::RemoveTreeAt(AT_FDCWD, trash);
  }
  // A rename needs room in the directory it goes to.
  return errno == ENOENT ? absl::OkStatus() : os::RemoveTreeAt(AT_FDCWD, dir);
}

absl::Status MakeOwned(const Store& store, const VolumeRecord& record) {
  if (record.owner_container_id().empty()) return absl::OkStatus();
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(store.root(), "/names/owned-volumes"), 0700));
  const std::string path = OwnedPath(store, record.name());
  if (symlink(record.owner_container_id().c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("make ", path));
  }
  return absl::OkStatus();
}

absl::Status WriteNewVolume(const Store& store, const VolumeRecord& record, std::optional<VolumeOwner> owner,
                            os::Durability durability) {
  RETURN_IF_ERROR(MakeOwned(store, record));
  FaultPoint("store.volume.after-claim");
  const std::string dir = VolumeDir(store, record.name());
  RETURN_IF_ERROR(os::MakeDirectories(dir, 0700));
  FaultPoint("store.volume.after-dir");
  const std::string data = VolumeDataDir(store, record.name());
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, data, 0755));
  if (chmod(data.c_str(), 0755) != 0) return ErrnoStatus(errno, absl::StrCat("set the mode of ", data));
  if (owner.has_value() && chown(data.c_str(), owner->uid, owner->gid) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", data));
  }
  FaultPoint("store.volume.after-data");
  RETURN_IF_ERROR(WriteRecord(RecordPath(store, record.name()), record, durability));
  FaultPoint("store.volume.after-record");
  if (durability != os::Durability::kDurable) return absl::OkStatus();
  return SyncDirectory(absl::StrCat(store.root(), "/volumes"));
}

// Sorted names in `dir`; none if it is missing.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& dir) {
  auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  if (!names.ok() && ErrnoOf(names.status()) == ENOENT) return std::vector<std::string>();
  if (names.ok()) std::sort(names->begin(), names->end());
  return names;
}

}  // namespace

absl::Status CheckVolumeName(absl::string_view name) {
  const bool valid = !name.empty() && name.size() <= kMaxNameBytes &&
                     absl::ascii_isalnum(static_cast<unsigned char>(name[0])) &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
                     });
  if (valid) return absl::OkStatus();
  return WithExitCode(
      absl::InvalidArgumentError(absl::StrCat(
          "volume name \"", Printable(name),
          "\" is not valid: it is letters, digits, '_', '.' and '-', beginning with a letter or digit")),
      kExitEngine);
}

std::string VolumeDir(const Store& store, absl::string_view name) {
  return absl::StrCat(store.root(), "/volumes/", name);
}
std::string VolumeDataDir(const Store& store, absl::string_view name) {
  return absl::StrCat(store.root(), "/volumes/", name, "/_data");
}

absl::StatusOr<VolumeLock> VolumeLock::Acquire(const Store& store, const std::string& name) {
  RETURN_IF_ERROR(CheckVolumeName(name));
  const std::string path = LockPath(store, name);
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(store.runroot(), "/volumes"), 0700));
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Acquire(path, absl::StrCat("volume ", name)));
  return VolumeLock(std::move(lock), path);
}

absl::StatusOr<VolumeLock> VolumeLock::Try(const Store& store, const std::string& name) {
  RETURN_IF_ERROR(CheckVolumeName(name));
  const std::string path = LockPath(store, name);
  RETURN_IF_ERROR(os::MakeDirectories(absl::StrCat(store.runroot(), "/volumes"), 0700));
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Try(path));
  return VolumeLock(std::move(lock), path);
}

// Who waits for the lock of an unlinked file notices, and makes the file anew.
VolumeLock::~VolumeLock() {
  if (lock_.has_value() && lock_->fd() >= 0) (void)unlink(path_.c_str());
}

absl::Status CreateVolume(const Store& store, const VolumeRecord& record, std::optional<VolumeOwner> owner,
                          os::Durability durability) {
  RETURN_IF_ERROR(CheckVolumeName(record.name()));
  RETURN_IF_ERROR(store.EnsureExists());
  if (HasRecord(store, record.name())) {
    return WithExitCode(
        absl::AlreadyExistsError(absl::StrCat("volume with name ", record.name(), " already exists")),
        kExitEngine);
  }
  RETURN_IF_ERROR(RemoveRemains(store, record.name()), "create volume ", record.name());
  const absl::Status status = WriteNewVolume(store, record, owner, durability);
  if (status.ok()) return status;
  (void)unlink(RecordPath(store, record.name()).c_str());
  (void)RemoveRemains(store, record.name());  // the error below is the one to tell
  return Annotate(status, absl::StrCat("create volume ", record.name()));
}

absl::StatusOr<VolumeRecord> ReadVolume(const Store& store, absl::string_view name) {
  if (!CheckVolumeName(name).ok()) return NoSuchVolume(name);
  auto record = ReadRecord<VolumeRecord>(RecordPath(store, name));
  if (absl::IsNotFound(record.status())) return NoSuchVolume(name);
  return record;
}

absl::Status UpdateVolume(const Store& store, const VolumeRecord& record, os::Durability durability) {
  return WriteRecord(RecordPath(store, record.name()), record, durability);
}

absl::Status RemoveVolume(const Store& store, absl::string_view name) {
  RETURN_IF_ERROR(CheckVolumeName(name));
  if (unlink(RecordPath(store, name).c_str()) == 0) {
    // Acknowledged is durable; a disk that can't sync must not keep us from deleting.
    (void)SyncDirectory(VolumeDir(store, name));
  } else if (errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove volume ", name));
  }
  FaultPoint("store.volume.unlinked");
  return Annotate(RemoveRemains(store, name), absl::StrCat("remove volume ", name));
}

absl::StatusOr<std::vector<std::string>> ListVolumes(const Store& store) {
  RETURN_IF_ERROR(store.CheckVersion());
  ASSIGN_OR_RETURN(std::vector<std::string> names, NamesIn(absl::StrCat(store.root(), "/volumes")));
  names.erase(std::remove_if(names.begin(), names.end(),
                             [&](const std::string& name) { return !HasRecord(store, name); }),
              names.end());
  return names;
}

absl::StatusOr<std::vector<VolumeRecord>> ReadAllVolumes(const Store& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListVolumes(store));
  std::vector<VolumeRecord> records;
  for (const std::string& name : names) {
    auto record = ReadVolume(store, name);
    if (absl::IsNotFound(record.status())) continue;  // removed just now
    if (!record.ok()) return Annotate(record.status(), absl::StrCat("volume ", name));
    records.push_back(*std::move(record));
  }
  return records;
}

absl::StatusOr<std::string> ResolveVolume(const Store& store, absl::string_view name) {
  RETURN_IF_ERROR(store.CheckVersion());
  if (!CheckVolumeName(name).ok()) return NoSuchVolume(name);
  if (HasRecord(store, name)) return std::string(name);
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListVolumes(store));
  std::optional<std::string> found;
  for (const std::string& candidate : names) {
    if (!absl::StartsWith(candidate, name)) continue;
    if (found.has_value()) {
      return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                              "more than one volume has a name that begins with \"", name, "\"")),
                          kExitEngine);
    }
    found = candidate;
  }
  if (!found.has_value()) return NoSuchVolume(name);
  return *std::move(found);
}

bool UsesVolume(const ContainerRecord& record, absl::string_view volume) {
  return std::any_of(
      record.config().mounts().begin(), record.config().mounts().end(),
      [&](const Mount& mount) { return mount.type() == "volume" && mount.source() == volume; });
}

absl::StatusOr<std::vector<std::string>> UsersOfVolume(const Store& store, absl::string_view volume) {
  std::vector<std::pair<std::string, absl::Status>> damaged;
  ASSIGN_OR_RETURN(const std::vector<ContainerRecord> containers, ReadAllContainers(store, &damaged));
  if (!damaged.empty()) {
    return Annotate(damaged.front().second, absl::StrCat("container ", damaged.front().first));
  }
  std::vector<std::string> ids;
  for (const ContainerRecord& container : containers) {
    if (UsesVolume(container, volume)) ids.push_back(container.id());
  }
  return ids;
}

namespace {

absl::Status SweepHalfMade(const Store& store, const std::string& name) {
  const auto lock = VolumeLock::Try(store, name);
  if (!lock.ok()) return absl::OkStatus();  // somebody is at it
  return HasRecord(store, name) ? absl::OkStatus() : RemoveRemains(store, name);
}

absl::Status SweepOwned(const Store& store, const std::string& name) {
  const auto owner = os::ReadLinkAt(AT_FDCWD, OwnedPath(store, name));
  if (!owner.ok()) return absl::OkStatus();
  const auto exists = ReadContainer(store, *owner);
  if (!absl::IsNotFound(exists.status()) || MonitorAlive(store, *owner)) return absl::OkStatus();
  const auto lock = VolumeLock::Try(store, name);
  if (!lock.ok()) return absl::OkStatus();
  // Its container may have come into being before we had the lock; another may use it by --volumes-from.
  if (!absl::IsNotFound(ReadContainer(store, *owner).status())) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> users, UsersOfVolume(store, name));
  return users.empty() ? RemoveVolume(store, name) : absl::OkStatus();
}

}  // namespace

absl::Status SweepVolumes(const Store& store) {
  absl::Status first;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(absl::StrCat(store.root(), "/volumes")));
  for (const std::string& name : names) {
    if (!HasRecord(store, name)) first.Update(SweepHalfMade(store, name));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> owned,
                   NamesIn(absl::StrCat(store.root(), "/names/owned-volumes")));
  for (const std::string& name : owned) {
    first.Update(HasRecord(store, name) ? SweepOwned(store, name) : SweepHalfMade(store, name));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> locks, NamesIn(absl::StrCat(store.runroot(), "/volumes")));
  // A lock that nobody holds goes, with its file, when we let it go.
  for (const std::string& name : locks) (void)VolumeLock::Try(store, name).status();
  return first;
}

}  // namespace coracle::store
