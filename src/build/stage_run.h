// Runs the steps of one stage, one after another, each from the cache if it is there.
#ifndef CORACLE_BUILD_STAGE_RUN_H_
#define CORACLE_BUILD_STAGE_RUN_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/build_options.h"
#include "build/layer_ref.h"
#include "build/layer_work.h"
#include "build/stage_plan.h"
#include "build/step_cache.h"
#include "storage/driver.h"
#include "store/lease.h"
#include "store/store.h"

namespace coracle::build {

// What a stage is run with. All of it outlives the run.
struct StageInputs {
  const store::Store* store = nullptr;
  const BuildRequest* request = nullptr;
  const BuildHost* host = nullptr;
  const StagePlan* plan = nullptr;
  std::vector<LayerRef> below;                          // bottom first
  std::map<int, std::vector<LayerRef>> stages;          // layers of the stages it takes files from
  std::map<std::string, std::vector<LayerRef>> images;  // and of the images, by name
  storage::Driver driver = storage::Driver::kOverlay;
  bool user_xattr = false;
  bool no_cache = false;  // its steps are run anew
};

// Who listens to it.
struct StageEvents {
  std::function<void(int step)> begin;
  std::function<void(int step, absl::string_view text)> output;
  std::function<void(int step, bool cached, const CachedStep& layer)> end;
};

// A failed RUN: `exit_code` of its process. Carried by the status.
absl::Status StepExitError(absl::string_view what, int exit_code);
int StepExitCodeOf(const absl::Status& status);  // 0 if it carries none

class StageRun {
 public:
  // `keeper` claims every layer that comes out.
  StageRun(const StageInputs& inputs, store::Lease& keeper, const StageEvents& events)
      : in_(inputs), keeper_(keeper), events_(events), layers_(inputs.below) {}

  // The error of a step carries its lines. `failed_step` is set then.
  absl::Status Run(int& failed_step);
  // What a RUN that failed left, if the request wants it kept; claimed like the others.
  const std::optional<CachedStep>& left() const { return left_; }

 private:
  absl::StatusOr<CachedStep> RunStep(int index, bool& cached);
  // `make` fills a layer's upper directory. `below`: the layers that count for it, bottom first.
  absl::StatusOr<CachedStep> FromCacheOr(int index, const std::string& key, bool& cached,
                                         const std::vector<LayerRef>& below,
                                         const std::function<absl::Status(LayerWork&)>& make);
  void AddCommon(KeyMaker& key, const std::vector<LayerRef>& below) const;

  absl::StatusOr<CachedStep> DoRun(int index, bool& cached);
  absl::StatusOr<CachedStep> DoWorkdir(int index, bool& cached);
  absl::StatusOr<CachedStep> DoCopy(int index, bool& cached);

  const StageInputs& in_;
  store::Lease& keeper_;
  const StageEvents& events_;
  std::vector<LayerRef> layers_;  // so far
  std::optional<CachedStep> left_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_STAGE_RUN_H_
