#include "build/builder.h"

#include "base/status.h"
#include "build/build_session.h"
#include "store/lease.h"

namespace coracle::build {
namespace {

absl::StatusOr<BuildResult> BuildAll(BuildSession& session) {
  RETURN_IF_ERROR(PlanBuild(session));
  RETURN_IF_ERROR(RunStages(session));
  return FinishBuild(session);
}

}  // namespace

std::vector<LayerRef> BuildSession::LayersOf(const StageState& state) const {
  std::vector<LayerRef> layers = state.below;
  for (const MadeLayer& made : state.made) layers.push_back(made.layer);
  return layers;
}

absl::StatusOr<BuildResult> Build(const store::Store& store, const BuildRequest& request,
                                  const BuildHost& host, BuildProgress& progress,
                                  const os::CancelFlag* cancel) {
  RETURN_IF_ERROR(store.EnsureExists());
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "build"));
  BuildSession session{store, request, host, progress, cancel, lease};
  session.last_number = request.last_number;
  auto result = BuildAll(session);
  // What killed processes of this build left is nobody's.
  if (!result.ok()) (void)store::Sweep(store);
  return result;
}

}  // namespace coracle::build
