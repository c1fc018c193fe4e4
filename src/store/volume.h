// Volumes: named directories that outlive containers. Where they lie stands in store.h.
//
// Whoever makes, fills, takes into a container's record or removes a volume holds its lock meanwhile: so of
// two creators one finds it made, and a volume is not removed between the look at who uses it and its end.
// Readers take no lock.
#ifndef CORACLE_STORE_VOLUME_H_
#define CORACLE_STORE_VOLUME_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::store {

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. Errors: InvalidArgument, exit code 125.
absl::Status CheckVolumeName(absl::string_view name);

std::string VolumeDir(const Store& store, absl::string_view name);      // <root>/volumes/<name>
std::string VolumeDataDir(const Store& store, absl::string_view name);  // .../_data

// The lock of one volume; its file goes with it. Not to be held over a fork of something that lives on.
class VolumeLock {
 public:
  // Waits. The volume need not exist. Errors: InvalidArgument for a name that is none.
  static absl::StatusOr<VolumeLock> Acquire(const Store& store, const std::string& name);
  // FailedPrecondition if someone holds it.
  static absl::StatusOr<VolumeLock> Try(const Store& store, const std::string& name);
  VolumeLock(VolumeLock&&) = default;
  VolumeLock& operator=(VolumeLock&&) = delete;
  ~VolumeLock();

 private:
  VolumeLock(FileLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}
  std::optional<FileLock> lock_;
  std::string path_;
};

// Makes the volume; the caller holds its lock. `owner`: of its directory, which has mode 0755. Errors:
// AlreadyExists `volume with name "x" already exists`; nothing is left on error.
struct VolumeOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};
absl::Status CreateVolume(const Store& store, const VolumeRecord& record, std::optional<VolumeOwner> owner,
                          os::Durability durability);
// Errors: NotFound `no such volume: x`, exit code 125.
absl::StatusOr<VolumeRecord> ReadVolume(const Store& store, absl::string_view name);
// The caller holds the lock.
absl::Status UpdateVolume(const Store& store, const VolumeRecord& record, os::Durability durability);
// The caller holds the lock and has made sure that nobody uses it. Missing is fine. What can't be deleted now
// is left for Sweep.
absl::Status RemoveVolume(const Store& store, absl::string_view name);

// Sorted by name.
absl::StatusOr<std::vector<std::string>> ListVolumes(const Store& store);
absl::StatusOr<std::vector<VolumeRecord>> ReadAllVolumes(const Store& store);
// A full name, or the beginning of one. Errors: NotFound; FailedPrecondition if several begin so.
absl::StatusOr<std::string> ResolveVolume(const Store& store, absl::string_view name);

// Whether the container mounts the volume.
bool UsesVolume(const ContainerRecord& record, absl::string_view volume);
// Ids of the containers that do. Errors: of a container's record that can't be read, since it might.
absl::StatusOr<std::vector<std::string>> UsersOfVolume(const Store& store, absl::string_view volume);

// For Sweep: half-made volumes, and those whose --rm container is gone.
absl::Status SweepVolumes(const Store& store);

}  // namespace coracle::store

#endif  // CORACLE_STORE_VOLUME_H_
