#include "cli/volume_prune.h"

#include <optional>

#include "base/status.h"
#include "engine/volumes.h"

namespace coracle::cli {

absl::Status PruneVolumes(engine::Engine& engine, const VolumeFilter& filter, bool dry_run,
                          const std::function<void(const std::string&)>& removed) {
  (void)engine::LookAll(engine, /*sweep=*/true).status();  // what killed processes left uses nothing
  ASSIGN_OR_RETURN(const VolumeUse use, CountVolumeUse(engine));
  ASSIGN_OR_RETURN(const std::vector<store::VolumeRecord> volumes, store::ReadAllVolumes(engine.store));
  absl::Status first;
  for (const store::VolumeRecord& volume : volumes) {
    if (use.count(volume.name()) != 0 || !filter.Matches(volume, use)) continue;
    absl::Status status;
    if (!dry_run) status = engine::DeleteVolume(engine, volume.name(), /*force=*/false, std::nullopt);
    if (status.ok()) {
      removed(volume.name());
    } else if (!absl::IsNotFound(status) && !absl::IsFailedPrecondition(status)) {
      first.Update(status);
    }
  }
  return first;
}

}  // namespace coracle::cli
