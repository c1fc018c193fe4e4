// Roots mounted where the caller can see them: mount, unmount, image mount, image unmount.
//
// <runroot>/mounts/container-<id> and image-<id>. There is no record: what is mounted there is mounted, in
// the mount namespace that one looks from, and gone with it.
#ifndef CORACLE_ENGINE_HOST_MOUNT_H_
#define CORACLE_ENGINE_HOST_MOUNT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "image/image_store.h"

namespace coracle::engine {

// Mounts the container's root, or finds it mounted; the path. Of a running container without what is mounted
// inside. With the driver vfs, and for a --rootfs, the directory itself. Errors: Unimplemented for
// fuse-overlayfs.
absl::StatusOr<std::string> MountContainer(Engine& engine, const ContainerView& view);
// The same of an image, read-only.
absl::StatusOr<std::string> MountImage(Engine& engine, const image::ImageInfo& info);

// Where it is mounted; empty: nowhere.
std::string ContainerMountPoint(const Engine& engine, absl::string_view id);
std::string ImageMountPoint(const Engine& engine, absl::string_view id);

// Ids of the images that are mounted.
std::vector<std::string> MountedImages(const Engine& engine);

// Not mounted is fine; whether it was.
absl::StatusOr<bool> UnmountContainer(Engine& engine, absl::string_view id);
absl::StatusOr<bool> UnmountImage(Engine& engine, absl::string_view id);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_HOST_MOUNT_H_
