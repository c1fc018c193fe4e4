// What the parts of one build share: the plan of its stages, and how far each of them is.
#ifndef CORACLE_BUILD_BUILD_SESSION_H_
#define CORACLE_BUILD_BUILD_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/build_options.h"
#include "build/builder.h"
#include "build/dockerfile.h"
#include "build/progress.h"
#include "build/scope.h"
#include "build/stage_graph.h"
#include "build/stage_plan.h"
#include "build/stage_process.h"
#include "build/stage_run.h"
#include "os/cancel.h"
#include "storage/driver.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::build {

// A step's layer and when it was made.
struct MadeLayer {
  LayerRef layer;
  int64_t created_unix_nanos = 0;
};

struct StageState {
  StagePlan plan;
  StageInputs inputs;
  std::vector<LayerRef> below;
  std::vector<MadeLayer> made;
  std::unique_ptr<StageProcess> process;
  std::map<int, int> numbers;  // of steps, as progress counts them
  bool started = false, done = false;
};

struct BuildSession {
  const store::Store& store;
  const BuildRequest& request;
  const BuildHost& host;
  BuildProgress& progress;
  const os::CancelFlag* cancel;  // may be null
  store::Lease& lease;           // claims every layer that is used
  Dockerfile file = {};
  std::unique_ptr<GlobalScope> global = nullptr;
  StageGraph graph = {};
  std::map<std::string, BaseImage> images = {};  // by name and platform
  std::map<int, StageState> stages = {};         // those that the target needs
  storage::Driver driver = storage::Driver::kOverlay;
  bool user_xattr = false;
  int last_number = 0;                    // of a step, as progress counts them
  std::vector<KeptStep> kept_steps = {};  // that were run or found

  int BeginStep(const std::string& name) {
    progress.Begin(++last_number, name);
    return last_number;
  }
  // With those of its base, bottom first.
  std::vector<LayerRef> LayersOf(const StageState& state) const;
};

// Parses the Dockerfile, finds the images, plans the stages. Errors: as Build.
absl::Status PlanBuild(BuildSession& session);
// Runs the stages' processes, side by side as far as they don't need each other, up to the target.
absl::Status RunStages(BuildSession& session);
// Makes the image.
absl::StatusOr<BuildResult> FinishBuild(BuildSession& session);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_BUILD_SESSION_H_
