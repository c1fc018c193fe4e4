// File systems as volumes (type=tmpfs, nfs, ext4 ...): mounted nowhere on the host, but in each container
// that uses them. Containers that run at the same time share one mount, so that they see the same content.
#ifndef CORACLE_ENGINE_VOLUME_MOUNT_H_
#define CORACLE_ENGINE_VOLUME_MOUNT_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/volumes.h"
#include "os/unique_fd.h"

namespace coracle::engine {

// A detached mount of the volume's file system: of what `volume mount` mounted, else of what a running
// container has, else a new one. Errors: with the kernel's own explanation.
absl::StatusOr<os::UniqueFd> MountFileSystemOf(Engine& engine, const store::VolumeRecord& record,
                                               const VolumePlace& place);

// Whether a mount's root is at `path`.
bool IsMountPoint(const std::string& path);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_VOLUME_MOUNT_H_
