// The stages of a Dockerfile as a graph: what each takes from where, and what a target needs.
#ifndef CORACLE_BUILD_STAGE_GRAPH_H_
#define CORACLE_BUILD_STAGE_GRAPH_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/dockerfile.h"
#include "build/scope.h"

namespace coracle::build {

// Where FROM, COPY --from or RUN --mount from= takes its files.
struct SourceRef {
  enum class Kind {
    kStage,    // `stage` is its index
    kContext,  // a --build-context, by `name`
    kImage,    // an image, by `name`
    kScratch,  // FROM scratch: nothing
  };
  Kind kind = Kind::kImage;
  int stage = -1;
  std::string name;
};

struct StageNode {
  int index = 0;
  std::string name;  // "" without AS
  SourceRef base;
  std::optional<oci::Platform> platform;  // of --platform
  std::vector<int> needs;                 // stages, lower indices only, each once, in order
};

struct StageGraph {
  std::vector<StageNode> stages;
  int target = 0;
  std::vector<int> needed;  // the target and all it needs, in an order in which they can be built
};

// `context_names`: of --build-context. `target`: --target, a name or an index; "" the last stage.
// Errors: InvalidArgument with lines: a stage that takes from itself or from a later one, an index that is
// none; NotFound for an unknown target, with a hint.
absl::StatusOr<StageGraph> MakeStageGraph(const Dockerfile& file, const GlobalScope& global,
                                          const std::set<std::string>& context_names,
                                          absl::string_view target);

// What `from` of a COPY or a mount in stage `stage` names; `lines` for messages.
absl::StatusOr<SourceRef> ResolveFrom(const StageGraph& graph, int stage, absl::string_view from,
                                      const std::set<std::string>& context_names, Lines lines);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_STAGE_GRAPH_H_
