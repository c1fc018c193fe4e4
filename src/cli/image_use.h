// Which containers use which images.
#ifndef CORACLE_CLI_IMAGE_USE_H_
#define CORACLE_CLI_IMAGE_USE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/host_mount.h"

namespace coracle::cli {

// (image id, container id) of every container that has an image; (image id, "") of every image that is
// mounted.
inline absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ImagesInUse(engine::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<engine::ContainerView> views, engine::LookAll(engine));
  std::vector<std::pair<std::string, std::string>> used;
  for (const engine::ContainerView& view : views) {
    if (!view.record.image_id().empty()) used.emplace_back(view.record.image_id(), view.record.id());
    for (const store::Mount& mount : view.record.config().mounts()) {
      if (!mount.image_id().empty()) used.emplace_back(mount.image_id(), view.record.id());
    }
  }
  for (std::string& id : engine::MountedImages(engine)) used.emplace_back(std::move(id), "");
  return used;
}

}  // namespace coracle::cli

#endif  // CORACLE_CLI_IMAGE_USE_H_
