// What a stage does, in values: the steps that make layers, each with all it depends on, and the config and
// history that come out. Pure: nothing is run or read.
#ifndef CORACLE_BUILD_STAGE_PLAN_H_
#define CORACLE_BUILD_STAGE_PLAN_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "build/dockerfile.h"
#include "build/layer_ref.h"
#include "build/scope.h"
#include "build/stage_graph.h"
#include "oci/image_config.h"

namespace coracle::build {

// An instruction that makes a layer: RUN, COPY, ADD or WORKDIR.
struct Step {
  Instruction instruction;  // expanded
  std::string display;      // "RUN make": what people see
  std::string created_by;   // of the history
  // As they stand at this instruction.
  std::vector<std::string> environment;  // of RUN: ENV and ARG
  std::vector<std::string> shell;
  std::string user;
  std::string workdir;  // absolute; of WORKDIR itself the new one
  // RUN: its mounts, and where each takes its files from.
  std::vector<RunMount> mounts;
  std::vector<SourceRef> mount_sources;
  SourceRef from;         // COPY --from
  bool has_from = false;  // COPY without it takes from the context

  const Run* run() const { return std::get_if<Run>(&instruction.value); }
};

// A line of the image's history. Time is filled in when the steps are done.
struct PlannedHistory {
  std::string created_by;
  int step = -1;  // index of the step whose layer it is; -1: none
};

struct StagePlan {
  StageNode node;
  std::string label;  // "builder", "stage-1"; empty if it is the only one
  BaseImage base;     // of a stage on another stage: empty
  std::vector<Step> steps;
  std::vector<PlannedHistory> history;  // after the base's
  oci::ImageConfig config;              // complete, but for diff ids, history and times
  std::vector<oci::HistoryEntry> base_history;
  std::shared_ptr<StageScope> scope;
  std::vector<std::string> warnings;
};

struct PlanInputs {
  const Dockerfile* file = nullptr;
  const StageGraph* graph = nullptr;
  const GlobalScope* global = nullptr;
  std::set<std::string> context_names;
  std::vector<std::string> environment;  // NAME=VALUE on top of each base
};

// Plans stage `index`. `base`: the image it is FROM (scratch, or a directory that is copied first: an empty
// one), or null if that is the stage `below`. Errors: InvalidArgument with lines.
absl::StatusOr<StagePlan> PlanStage(const PlanInputs& inputs, int index, const BaseImage* base,
                                    const StagePlan* below);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_STAGE_PLAN_H_
