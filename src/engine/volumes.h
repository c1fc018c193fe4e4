// Volumes: what the commands on them do, and what a container's start needs of them.
#ifndef CORACLE_ENGINE_VOLUMES_H_
#define CORACLE_ENGINE_VOLUMES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "os/unique_fd.h"
#include "store/volume.h"

namespace coracle::engine {

// What to make. Options are those of the driver "local": type, device, o.
struct VolumeRequest {
  std::string name;  // empty: 64 random hex digits
  std::vector<std::pair<std::string, std::string>> labels, options;
  std::optional<uint32_t> uid, gid;
};

// Where the content of a volume is: its own directory, a directory of the host, or a file system that is
// mounted by each container that uses it.
struct VolumePlace {
  enum class Kind { kDirectory, kHostDirectory, kFileSystem };
  Kind kind = Kind::kDirectory;
  std::string path;                  // of the directory, or the file system's device
  std::string type;                  // of the file system
  std::vector<std::string> options;  // words of `o` that are the mount's
  bool no_copy = false;              // o=nocopy: never filled from an image
};
// Errors: InvalidArgument for options that the driver does not have, exit code 125.
absl::StatusOr<VolumePlace> PlaceOf(const store::Store& store, const store::VolumeRecord& record);

// The record of a request, checked. Errors: InvalidArgument, exit code 125.
absl::StatusOr<store::VolumeRecord> NewVolumeRecord(const store::Store& store, const VolumeRequest& request);

// Returns the name. `ignore`: one that exists is fine. Errors: AlreadyExists; InvalidArgument.
absl::StatusOr<std::string> MakeVolume(Engine& engine, const VolumeRequest& request, bool ignore);

// With `force` the containers that use it are stopped and removed first. Errors: NotFound; FailedPrecondition
// naming the containers.
absl::Status DeleteVolume(Engine& engine, const std::string& name, bool force,
                          std::optional<uint32_t> timeout_seconds);

// A descriptor of the volume's root directory, for reading what is in it. A file system that nobody has
// mounted is mounted for as long as the descriptor is open.
absl::StatusOr<os::UniqueFd> OpenVolume(Engine& engine, const store::VolumeRecord& record);

// Where the content is to be found on the host. A file system is mounted on the volume's own directory first.
absl::StatusOr<std::string> MountVolume(Engine& engine, const store::VolumeRecord& record);
absl::Status UnmountVolume(Engine& engine, const store::VolumeRecord& record);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_VOLUMES_H_
