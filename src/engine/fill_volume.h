// What an image has at a volume's destination goes into the volume at its first use.
#ifndef CORACLE_ENGINE_FILL_VOLUME_H_
#define CORACLE_ENGINE_FILL_VOLUME_H_

#include <string>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "os/overlay_mount.h"
#include "os/unique_fd.h"
#include "storage/container_root.h"
#include "store/volume.h"

namespace coracle::engine {

// If the volume waits for it: an empty volume gets the content of `destination` in `root` with owners, modes,
// times and extended attributes, and its root directory those of the image's; where the image has no such
// directory, its root becomes `user`'s. `data` is the volume's content. A fill that was killed is done again.
// Waits for the volume's lock.
absl::Status FillVolume(const store::Store& store, const std::string& volume, const std::string& data,
                        const std::string& destination, const storage::PreparedRoot& root,
                        const oci::User& user);

// The root file system without what the container has changed: a detached mount, or a directory.
absl::StatusOr<os::UniqueFd> OpenImageRoot(const storage::PreparedRoot& root);

// Gives the tree to the user, without following links or leaving its file system. Errors: of chown(2).
absl::Status ChownTree(int root_fd, uid_t uid, gid_t gid);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_FILL_VOLUME_H_
