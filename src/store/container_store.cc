#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "base/fault.h"
#include "base/status.h"
#include "store/container_dirs.h"
#include "store/container_names.h"
#include "store/names_generator.h"
#include "store/store.h"

namespace coracle::store {
namespace {

constexpr int kExitEngine = 125;
constexpr size_t kIdDigits = 64;

std::string RecordPath(const Store& store, const ContainerRecord& record) {
  return record.auto_remove() ? RunRecordPath(store, record.id()) : RootRecordPath(store, record.id());
}

// The run directory with its op lock held: from here on nobody sweeps what belongs to `id`.
absl::StatusOr<FileLock> BeginCreation(const Store& store, const std::string& id) {
  const std::string dir = store.ContainerRunDir(id);
  if (mkdir(dir.c_str(), 0700) != 0) {
    if (errno == EEXIST)
      return absl::AlreadyExistsError(absl::StrCat("container id ", id, " is already in use"));
    return ErrnoStatus(errno, absl::StrCat("make directory ", dir));
  }
  FaultPoint("store.create.after-run-dir");
  for (int attempt = 0;; ++attempt) {
    auto lock = FileLock::Acquire(absl::StrCat(dir, "/op"), "the creation of a container");
    // A sweep came between and took the directory, which nobody owned yet.
    if (!lock.ok() && ErrnoOf(lock.status()) == ENOENT && attempt < 8) {
      RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, dir, 0700));
      continue;
    }
    return lock;
  }
}

absl::Status ClaimAnyName(const Store& store, ContainerRecord& record) {
  for (int attempt = 0;; ++attempt) {
    record.set_name(RandomName(attempt));
    const absl::Status status = ClaimName(store, record.name(), record.id());
    if (status.ok() || !absl::IsAlreadyExists(status) || attempt >= 20) return status;
  }
}

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", path));
  return absl::OkStatus();
}

absl::Status WriteNewContainer(const Store& store, ContainerRecord& record, os::Durability durability) {
  if (record.name().empty()) {
    RETURN_IF_ERROR(ClaimAnyName(store, record));
  } else {
    RETURN_IF_ERROR(ClaimName(store, record.name(), record.id()));
  }
  FaultPoint("store.create.after-claim");
  RETURN_IF_ERROR(os::MakeDirectoryAt(AT_FDCWD, store.ContainerDir(record.id()), 0700));
  FaultPoint("store.create.after-dir");
  if (record.auto_remove()) durability = os::Durability::kVolatile;
  RETURN_IF_ERROR(WriteRecord(RecordPath(store, record), record, durability));
  FaultPoint("store.create.after-record");
  if (durability != os::Durability::kDurable) return absl::OkStatus();
  // The record's own sync has usually carried these along (one journal), which makes them free.
  RETURN_IF_ERROR(SyncDirectory(absl::StrCat(store.root(), "/containers")));
  return SyncDirectory(absl::StrCat(store.root(), "/names/containers"));
}

absl::Status NoSuchContainer(absl::string_view name_or_id) {
  return WithExitCode(absl::NotFoundError(absl::StrCat("no container with name or ID \"", name_or_id,
                                                       "\" found: no such container")),
                      kExitEngine);
}

bool IsIdPrefix(absl::string_view text) {
  if (text.empty() || text.size() > kIdDigits) return false;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c)) && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

// Ids of the entries of <base>/containers.
absl::StatusOr<std::vector<std::string>> IdsBelow(const std::string& base) {
  auto names = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(base, "/containers"));
  if (names.ok()) return names;
  if (ErrnoOf(names.status()) == ENOENT) return std::vector<std::string>();
  return names.status();
}

}  // namespace

std::string RootRecordPath(const Store& store, absl::string_view id) {
  return absl::StrCat(store.root(), "/containers/", id, "/record");
}
std::string RunRecordPath(const Store& store, absl::string_view id) {
  return absl::StrCat(store.runroot(), "/containers/", id, "/record");
}
bool HasRecord(const Store& store, absl::string_view id) {
  return os::ExistsAt(AT_FDCWD, RootRecordPath(store, id)) ||
         os::ExistsAt(AT_FDCWD, RunRecordPath(store, id));
}

absl::Status RemoveRunDir(const Store& store, absl::string_view id) {
  const std::string dir = store.ContainerRunDir(id);
  absl::Status first;
  // Someone may put a file there while we look (a waiter of `op` makes it anew), but not for ever.
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto names = os::ListDirectoryAt(AT_FDCWD, dir);
    if (!names.ok()) return ErrnoOf(names.status()) == ENOENT ? absl::OkStatus() : names.status();
    // `op` goes last: while it is there and locked, nobody else works here.
    for (const std::string& name : *names) {
      if (name == "op") continue;
      const std::string path = absl::StrCat(dir, "/", name);
      if (unlink(path.c_str()) != 0) first.Update(os::RemoveTreeAt(AT_FDCWD, path));
    }
    FaultPoint("store.remove.run-dir");
    (void)unlink(absl::StrCat(dir, "/op").c_str());  // missing is fine; anything else shows in rmdir
    if (rmdir(dir.c_str()) == 0 || errno == ENOENT) return first;
  }
  first.Update(ErrnoStatus(errno, absl::StrCat("remove ", dir)));
  return first;
}

std::string NewContainerId() {
  unsigned char bytes[kIdDigits / 2];
  size_t have = 0;
  while (have < sizeof(bytes)) {
    const ssize_t count = getrandom(bytes + have, sizeof(bytes) - have, 0);
    if (count > 0) have += static_cast<size_t>(count);
  }
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

absl::StatusOr<FileLock> CreateContainer(const Store& store, ContainerRecord& record,
                                         os::Durability durability) {
  if (!record.name().empty()) RETURN_IF_ERROR(CheckContainerName(record.name()));
  RETURN_IF_ERROR(store.EnsureExists());
  if (record.id().empty()) record.set_id(NewContainerId());
  ASSIGN_OR_RETURN(FileLock lock, BeginCreation(store, record.id()), "create container");
  FaultPoint("store.create.after-lock");
  const absl::Status status = WriteNewContainer(store, record, durability);
  if (status.ok()) return lock;
  // A name that was not claimed is not released: RemoveContainer looks whose it is.
  (void)ReleaseName(store, record.name(), record.id());
  (void)RemoveContainer(store, record.id());
  return status;
}

absl::StatusOr<ContainerRecord> ReadContainer(const Store& store, absl::string_view id) {
  auto record = ReadRecord<ContainerRecord>(RootRecordPath(store, id));
  if (record.ok() || !absl::IsNotFound(record.status())) return record;
  record = ReadRecord<ContainerRecord>(RunRecordPath(store, id));
  if (record.ok() || !absl::IsNotFound(record.status())) return record;
  return NoSuchContainer(id);
}

absl::Status UpdateContainer(const Store& store, const ContainerRecord& record, os::Durability durability) {
  if (!HasRecord(store, record.id())) return NoSuchContainer(record.id());
  if (record.auto_remove()) durability = os::Durability::kVolatile;
  return WriteRecord(RecordPath(store, record), record, durability);
}

absl::StatusOr<std::vector<std::string>> ListContainers(const Store& store) {
  RETURN_IF_ERROR(store.CheckVersion());
  ASSIGN_OR_RETURN(const std::vector<std::string> root_ids, IdsBelow(store.root()));
  ASSIGN_OR_RETURN(const std::vector<std::string> run_ids, IdsBelow(store.runroot()));
  std::vector<std::string> ids;
  absl::flat_hash_set<absl::string_view> listed;
  for (const std::string& id : root_ids) {
    if (!os::ExistsAt(AT_FDCWD, RootRecordPath(store, id))) continue;
    listed.insert(id);
    ids.push_back(id);
  }
  for (const std::string& id : run_ids) {
    if (!listed.contains(id) && os::ExistsAt(AT_FDCWD, RunRecordPath(store, id))) ids.push_back(id);
  }
  return ids;
}

absl::StatusOr<std::vector<ContainerRecord>> ReadAllContainers(
    const Store& store, std::vector<std::pair<std::string, absl::Status>>* damaged, bool* half_made) {
  RETURN_IF_ERROR(store.CheckVersion());
  std::vector<ContainerRecord> records;
  absl::flat_hash_set<std::string> listed, without_record;
  for (const std::string* base : {&store.root(), &store.runroot()}) {
    const auto dir = os::OpenAt(AT_FDCWD, absl::StrCat(*base, "/containers"), O_RDONLY | O_DIRECTORY);
    if (!dir.ok()) {
      if (ErrnoOf(dir.status()) == ENOENT) continue;
      return dir.status();
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, os::ListDirectoryAt(dir->get(), "."));
    for (const std::string& id : ids) {
      // Run directories of containers whose record is in the root.
      if (listed.contains(id)) continue;
      ContainerRecord& record = records.emplace_back();
      const absl::Status status = ReadRecordAt(dir->get(), absl::StrCat(id, "/record"), record);
      if (status.ok()) {
        if (base == &store.root()) listed.insert(id);
        without_record.erase(id);
        continue;
      }
      records.pop_back();
      if (absl::IsNotFound(status)) {
        without_record.insert(id);
      } else if (damaged != nullptr) {
        damaged->emplace_back(id, status);
      }
    }
  }
  if (half_made != nullptr) *half_made = !without_record.empty();
  return records;
}

absl::StatusOr<std::string> ResolveContainer(const Store& store, absl::string_view name_or_id) {
  RETURN_IF_ERROR(store.CheckVersion());
  if (CheckContainerName(name_or_id).ok()) {
    const auto claimant = ClaimantOf(store, name_or_id);
    if (claimant.has_value()) {
      const auto record = ReadContainer(store, *claimant);
      // A record that can't be read must still be reachable by its name, to be removed.
      if (record.ok() ? record->name() == name_or_id : !absl::IsNotFound(record.status())) return *claimant;
    }
  }
  if (!IsIdPrefix(name_or_id)) return NoSuchContainer(name_or_id);
  if (name_or_id.size() == kIdDigits && HasRecord(store, name_or_id)) return std::string(name_or_id);
  std::optional<std::string> found;
  for (const std::string* base : {&store.root(), &store.runroot()}) {
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, IdsBelow(*base));
    for (const std::string& id : ids) {
      if (!absl::StartsWith(id, name_or_id) || found == id || !HasRecord(store, id)) continue;
      if (found.has_value()) {
        return WithExitCode(
            absl::FailedPreconditionError(absl::StrCat(
                "more than one container has an ID that begins with \"", name_or_id, "\": give more digits")),
            kExitEngine);
      }
      found = id;
    }
  }
  if (!found.has_value()) return NoSuchContainer(name_or_id);
  return *std::move(found);
}

absl::Status RenameContainer(const Store& store, ContainerRecord& record, const std::string& new_name) {
  RETURN_IF_ERROR(CheckContainerName(new_name));
  if (new_name == record.name()) {
    return WithExitCode(absl::AlreadyExistsError(absl::StrCat("the container ", record.id(),
                                                              " already has the name \"", new_name, "\"")),
                        kExitEngine);
  }
  RETURN_IF_ERROR(ClaimName(store, new_name, record.id()));
  FaultPoint("store.rename.after-claim");
  const std::string old_name = record.name();
  record.set_name(new_name);
  const absl::Status status = UpdateContainer(store, record, os::Durability::kDurable);
  if (!status.ok()) {
    record.set_name(old_name);
    (void)ReleaseName(store, new_name, record.id());
    return status;
  }
  FaultPoint("store.rename.after-record");
  RETURN_IF_ERROR(ReleaseName(store, old_name, record.id()));
  if (record.auto_remove()) return absl::OkStatus();
  return SyncDirectory(absl::StrCat(store.root(), "/names/containers"));
}

absl::StatusOr<FileLock> LockContainer(const Store& store, absl::string_view id) {
  const std::string path = absl::StrCat(store.ContainerRunDir(id), "/op");
  for (int attempt = 0;; ++attempt) {
    // Before the lock, so that no run directory is made for a container that does not exist.
    if (!HasRecord(store, id)) return NoSuchContainer(id);
    auto lock = FileLock::Acquire(path, absl::StrCat("container ", id.substr(0, 12)));
    if (!lock.ok()) {
      if (ErrnoOf(lock.status()) != ENOENT || attempt >= 8) return lock;
      RETURN_IF_ERROR(os::MakeDirectories(store.ContainerRunDir(id), 0700));
      continue;
    }
    if (HasRecord(store, id)) return lock;
    // Removed while we waited: what our wait put back goes with it.
    if (!MonitorAlive(store, id)) (void)RemoveRunDir(store, id);
    return NoSuchContainer(id);
  }
}

absl::Status RemoveContainer(const Store& store, absl::string_view id, Deletion deletion) {
  const auto record = ReadContainer(store, id);
  const std::string dir = store.ContainerDir(id);
  absl::Status first;
  if (unlink(RootRecordPath(store, id).c_str()) == 0) {
    // Acknowledged is durable: it must not come back after a power cut.
    (void)SyncDirectory(dir);  // best effort: a disk that can't sync must not keep us from deleting
  } else if (errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove container ", id));
  }
  if (unlink(RunRecordPath(store, id).c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove container ", id));
  }
  FaultPoint("store.remove.after-record");
  if (record.ok()) first.Update(ReleaseName(store, record->name(), id));
  FaultPoint("store.remove.after-name");
  // A rename needs room in the directory it goes to; without, the tree is deleted here.
  if (deletion == Deletion::kNow ||
      (rename(dir.c_str(), absl::StrCat(store.root(), "/trash/", id).c_str()) != 0 && errno != ENOENT)) {
    first.Update(os::RemoveTreeAt(AT_FDCWD, dir));
  }
  FaultPoint("store.remove.after-dir");
  if (deletion == Deletion::kNow) first.Update(RemoveRunDir(store, id));
  return Annotate(first, absl::StrCat("remove container ", id));
}

}  // namespace coracle::store
