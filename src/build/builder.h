// A whole build: from a Dockerfile to an image of the store.
#ifndef CORACLE_BUILD_BUILDER_H_
#define CORACLE_BUILD_BUILDER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/build_options.h"
#include "build/built_image.h"
#include "build/progress.h"
#include "build/step_cache.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "os/cancel.h"
#include "store/store.h"

namespace coracle::build {

// A step of the build as the cache has it.
struct KeptStep {
  std::vector<std::string> keys;
  CachedStep step;
  std::vector<LayerRef> below;
  std::string description;
};

// An image that a build took files from.
struct UsedImage {
  std::string name;  // full
  std::string manifest_digest;
  oci::Platform platform;
};

struct BuildResult {
  StoredImage image;             // its id is empty if the store was not to get it
  std::vector<LayerRef> layers;  // bottom first
  oci::ImageConfig config;
  std::vector<KeptStep> steps;  // of all its stages
  int last_number = 0;          // of a step, as progress counted them
  std::vector<UsedImage> bases;
  bool is_hermetic = true;  // no step could reach a network
};

// Only what the target needs is built, independent stages side by side. Errors: InvalidArgument with lines
// (LinesOf) for what the Dockerfile gets wrong; of a step, with its lines and exit code (StepExitCodeOf).
// Steps that were done stay in the cache. The caller has one thread.
absl::StatusOr<BuildResult> Build(const store::Store& store, const BuildRequest& request,
                                  const BuildHost& host, BuildProgress& progress,
                                  const os::CancelFlag* cancel);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_BUILDER_H_
