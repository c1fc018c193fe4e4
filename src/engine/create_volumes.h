// The volumes of a container that is being made.
#ifndef CORACLE_ENGINE_CREATE_VOLUMES_H_
#define CORACLE_ENGINE_CREATE_VOLUMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/engine.h"
#include "oci/image_config.h"
#include "store/volume.h"

namespace coracle::engine {

// Adds to the record's mounts what --volumes-from and the image's volumes say, in that order of precedence
// behind the user's own. Image mounts get their layers. Errors: NotFound, InvalidArgument for a duplicate
// destination; exit code 125.
absl::Status AddImpliedMounts(Engine& engine, const CreateRequest& request, const oci::ImageConfig& image,
                              store::ContainerRecord& record);

// The volumes of one container, from before its record exists until after: while this lives they can't be
// removed.
class HeldVolumes {
 public:
  HeldVolumes() = default;
  // Locks every volume that the record mounts, makes those that are missing, and gives anonymous ones their
  // names. On error those made here are gone.
  absl::Status Take(Engine& engine, const CreateRequest& request, store::ContainerRecord& record,
                    bool durable);
  // The container could not be made: removes what Take made.
  void Undo(Engine& engine);
  const std::vector<std::string>& made() const { return made_; }

 private:
  std::vector<store::VolumeLock> locks_;
  std::vector<std::string> made_;
};

// Removes those volumes of a container that is gone which were made for it alone. One that another container
// uses stays. Goes on after an error and returns the first.
absl::Status RemoveAnonymousVolumes(const store::Store& store, const std::vector<std::string>& names);
// Their names.
std::vector<std::string> AnonymousVolumesOf(const store::ContainerRecord& record);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CREATE_VOLUMES_H_
