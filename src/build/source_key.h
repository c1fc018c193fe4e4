// What of found files decides a step.
#ifndef CORACLE_BUILD_SOURCE_KEY_H_
#define CORACLE_BUILD_SOURCE_KEY_H_

#include <vector>

#include "absl/status/status.h"
#include "build/copy_ahead.h"
#include "build/source_root.h"
#include "build/source_walk.h"
#include "build/stage_run.h"
#include "build/step_cache.h"

namespace coracle::build {

// Names, kinds, modes and content go into `key`; of an image's files their owners too. Times never. Digests
// of a context's files are remembered from build to build; those that are read are given to `ahead`, if there
// is one. Errors: of the reading.
absl::Status AddSourcesToKey(const StageInputs& in, const SourceRoot& root,
                             const std::vector<FoundSource>& found, KeyMaker& key,
                             CopyAhead* ahead = nullptr);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_SOURCE_KEY_H_
