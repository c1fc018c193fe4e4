// Where everything lies, and the records, names, locks and leases in it.
//
// <root>/                                    survives a reboot
//   version                                  "coracle store schema 1"; a newer one is refused
//   names/containers/<name>                  symlink to the id (in base64) of the container that claims it
//   names/images/<escaped full name>         TagRecord
//   containers/<id>/record                   ContainerRecord (not for --rm: see runroot); the container
//   exists
//                                            if and only if its record does
//   containers/<id>/{upper,work,exit,ctr.log,...}
//   images/<id>/record                       ImageRecord
//   layers/<id>/{record,diff/}               renamed into place whole
//   blobs/sha256/<hex>
//   volumes/<name>/{record,_data/}           VolumeRecord; the volume exists if and only if its record does
//   networks/<name>.network                  NetworkRecord; the network exists if and only if this does
//   names/owned-volumes/<name>               symlink to the id of the --rm container that the volume goes
//   with tmp/<lease>/                             work in progress and what is being deleted: swept when the
//   lease
//                                            of that name is not alive
//   trash/<random>                           renamed away, to be deleted
// <runroot>/                                 gone at reboot
//   containers/<id>/{record,state,lock,op,attach.sock,...}    record: of a --rm container
//   exits/<id>                               ExitRecord tombstone
//   leases/<random>                          OFD-locked while its owner lives; see lease.h
//   networks/<id>/                           what a network has while containers run: address leases, ...
//   networks/.lock-<name>, networks/.lock    OFD-locked by who changes that network, or makes one
//   volumes/<name>                           OFD-locked by who makes, fills, takes or removes that volume
//
// A name claim (claimed by symlink(2): exclusive, whole, one call each way) holds while the op lock of its id
// is held, or a record of that id has that name, or the record is gone but the monitor's liveness lock is
// held (it is removing the container). Any other claim is stale: the next creator of that name takes it over.
//
// Lock order: a container's `op` lock, its `lock` (liveness), locks of volumes in the order of their names,
// the lock of the networks' set, locks of networks in the order of their names, a network's lease lock, the
// op lock of a container that is just being made, which nobody else waits for. Never two existing containers'
// op locks unless in id order. volume.h has the functions of volumes.
#ifndef CORACLE_STORE_STORE_H_
#define CORACLE_STORE_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/file.h"
#include "os/unique_fd.h"
#include "store/records.pb.h"

namespace coracle::store {

inline constexpr int kNewestSchema = 1;
inline constexpr int kOldestSchema = 1;

// Opens directories lazily: constructing one costs nothing, reading a missing store is an empty store.
class Store {
 public:
  Store(std::string root, std::string runroot);

  const std::string& root() const { return root_; }
  const std::string& runroot() const { return runroot_; }
  // Makes the directories and the version file (0700), or checks the version. Call before the first write.
  // Errors: FailedPrecondition for a store of a newer schema, naming both numbers.
  absl::Status EnsureExists() const;
  // Checks the version only; a missing store is fine.
  absl::Status CheckVersion() const;

  std::string ContainerDir(absl::string_view id) const;     // <root>/containers/<id>
  std::string ContainerRunDir(absl::string_view id) const;  // <runroot>/containers/<id>
  std::string LayerDir(absl::string_view id) const;         // <root>/layers/<id>
  std::string ImageDir(absl::string_view id) const;
  std::string BlobPath(absl::string_view hex) const;
  std::string TagPath(absl::string_view full_name) const;       // <root>/names/images/<escaped full name>
  std::string ContainerNamePath(absl::string_view name) const;  // <root>/names/containers/<name>

 private:
  std::string root_, runroot_;
};

// One record in one file: "CRCL", schema version, length, CRC-32C, message. Damage and newer schemas are
// errors. `path` is absolute. Errors: NotFound if there is none; DataLoss if damaged; FailedPrecondition if
// newer.
template <typename Message>
absl::StatusOr<Message> ReadRecord(const std::string& path);
absl::Status WriteRecord(const std::string& path, const google::protobuf::MessageLite& message,
                         os::Durability durability);
// For the template and the fuzz target: checks the frame and gives the message's bytes.
absl::StatusOr<std::string> DecodeRecordFrame(absl::string_view file);
std::string EncodeRecordFrame(absl::string_view message);

// An exclusive OFD lock on a file, held until destroyed; inherited by fork (the lock lives as long as any
// copy of the descriptor).
class FileLock {
 public:
  // Waits; after a second says on stderr for whom it waits (pid and command line of the holder).
  static absl::StatusOr<FileLock> Acquire(const std::string& path, absl::string_view what);
  // nullopt-like: FailedPrecondition if someone holds it.
  static absl::StatusOr<FileLock> Try(const std::string& path);
  // Whether someone holds it now; false if the file is missing.
  static bool IsHeld(const std::string& path);
  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;
};

// ---- containers ----

std::string NewContainerId();  // 64 random hex digits

// Whether `name` can name a container: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. Errors:
// InvalidArgument.
absl::Status CheckContainerName(absl::string_view name);

// Makes run directory, directory and record and claims the name (record.name empty: makes up an
// adjective_noun one, written back; record.id empty: makes up one). The returned op lock is held. Errors:
// AlreadyExists "the container name "x" is already in use by <id>: ..." (exit code 125); InvalidArgument for
// a name that is none; nothing is left on error. `durability` is of the record and name; the record of an
// auto_remove container lies in runroot and is never synced.
absl::StatusOr<FileLock> CreateContainer(const Store& store, ContainerRecord& record,
                                         os::Durability durability);
absl::StatusOr<ContainerRecord> ReadContainer(const Store& store, absl::string_view id);
absl::Status UpdateContainer(const Store& store, const ContainerRecord& record, os::Durability durability);
// Ids of all containers; those whose creation is under way or died half-way are left out.
absl::StatusOr<std::vector<std::string>> ListContainers(const Store& store);
// The same with their records, in three system calls each; unreadable ones are in `damaged` (id and error),
// if given; `half_made` is set if a directory without a record was met, which is one to sweep.
absl::StatusOr<std::vector<ContainerRecord>> ReadAllContainers(
    const Store& store, std::vector<std::pair<std::string, absl::Status>>* damaged = nullptr,
    bool* half_made = nullptr);
// Full name, full id or unique prefix of an id -> id. Errors: NotFound `no container with name or ID "x"
// found: no such container`; FailedPrecondition for an ambiguous prefix.
absl::StatusOr<std::string> ResolveContainer(const Store& store, absl::string_view name_or_id);
// The caller holds the op lock. Errors as CreateContainer; `record` then keeps its name.
absl::Status RenameContainer(const Store& store, ContainerRecord& record, const std::string& new_name);
// The op lock; waits for it. Makes the run directory if the machine was restarted since. Errors: NotFound.
absl::StatusOr<FileLock> LockContainer(const Store& store, absl::string_view id);
// Removes record (from then on the container does not exist), name, directory and run directory. The caller
// holds the op lock or, as the monitor, the liveness lock. Works on a full disk: it only unlinks. What it
// can't delete is left for Sweep. Removing one that is not there is fine.
//
// kLater: the directory is renamed into trash, which is quick, for EmptyTrash or the next sweep to delete:
// rmdir(2) on a busy ext4 waits about a millisecond for each of a container's four directories. The run
// directory stays too, with the locks in it: a second call, with kNow, removes it, or the next sweep.
enum class Deletion { kNow, kLater };
absl::Status RemoveContainer(const Store& store, absl::string_view id, Deletion deletion = Deletion::kNow);
// Deletes what lies in trash. Any number of processes may do so at once.
absl::Status EmptyTrash(const Store& store);
// Deletes work directories whose lease is dead, then dead leases (lease.h).
absl::Status SweepLeases(const Store& store);

// Run-time state. A missing file or one of another boot reads as status UNKNOWN (never run since boot).
// ReadExit: a damaged record (power cut) reads as one of unknown exit code; none at all is NotFound.
absl::StatusOr<ContainerState> ReadState(const Store& store, absl::string_view id);
absl::Status WriteState(const Store& store, absl::string_view id, const ContainerState& state);
absl::Status ClearState(const Store& store, absl::string_view id);  // missing is fine
// Of its present run or an earlier one; none is an empty one.
absl::StatusOr<HealthState> ReadHealth(const Store& store, absl::string_view id);
absl::Status WriteHealth(const Store& store, absl::string_view id, const HealthState& health);
bool MonitorAlive(const Store& store, absl::string_view id);                    // is the liveness lock held
absl::StatusOr<ExitRecord> ReadExit(const Store& store, absl::string_view id);  // container's, else tombstone
// The container's own only: what one that is not auto_remove has.
absl::StatusOr<ExitRecord> ReadOwnExit(const Store& store, absl::string_view id);
absl::Status WriteExit(const Store& store, absl::string_view id, const ExitRecord& exit);
// Where there is no exit record yet, one that reads as an exit of unknown code until WriteExit replaces it:
// after a reboot this is a container that has ended, not one that never ran. Costs no sync; best effort.
void MarkStarted(const Store& store, absl::string_view id);
absl::Status WriteTombstone(const Store& store, const ExitRecord& exit);

// Removes what dead creators and removers left: half-made containers, stale name claims, trash, tmp and
// leases without owner, tombstones older than kTombstoneSeconds. Cheap when there is nothing (a few directory
// reads and one or two calls for each container). Goes on after an error and returns the first.
inline constexpr int kTombstoneSeconds = 600;
absl::Status Sweep(const Store& store);
// The same for one who has just read all containers: looks at each again only if that met a half-made one, or
// if there are more or fewer names than containers.
absl::Status SweepAfterReading(const Store& store, size_t containers, bool half_made);

std::string BootId();

}  // namespace coracle::store

#include "store/record_file-inl.h"

#endif  // CORACLE_STORE_STORE_H_
