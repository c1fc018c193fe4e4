// Removal of volumes that no container uses.
#ifndef CORACLE_CLI_VOLUME_PRUNE_H_
#define CORACLE_CLI_VOLUME_PRUNE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "cli/volume_json.h"
#include "engine/engine.h"

namespace coracle::cli {

// Tells `removed` the name of each; with `dry_run` of each that would go. One that goes or is taken meanwhile
// is left out. Goes on after an error, and returns the first.
absl::Status PruneVolumes(engine::Engine& engine, const VolumeFilter& filter, bool dry_run,
                          const std::function<void(const std::string&)>& removed);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_VOLUME_PRUNE_H_
