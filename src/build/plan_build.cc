// From a Dockerfile to the plan of a build: its images are found, its stages planned.
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "build/build_session.h"
#include "storage/driver.h"
#include "storage/layer_store.h"

namespace coracle::build {
namespace {

constexpr absl::string_view kImageContext = "docker-image://";

class BuildPlanner {
 public:
  explicit BuildPlanner(BuildSession& session) : s_(session) {}

  absl::Status Plan();

 private:
  absl::StatusOr<const BaseImage*> FindImage(const std::string& name,
                                             const std::optional<oci::Platform>& platform) {
    const std::string key =
        absl::StrCat(name, "\n", platform.has_value() ? oci::PlatformName(*platform) : "");
    const auto known = s_.images.find(key);
    if (known != s_.images.end()) return &known->second;
    const int number = s_.BeginStep(absl::StrCat("[internal] load metadata for ", name));
    auto image = s_.host.find_image(name, platform, [&](absl::string_view line) {
      s_.progress.Output(number, absl::StrCat(line, "\n"));
      s_.progress.Tick();
    });
    if (!image.ok()) {
      s_.progress.Fail(number, StatusLine(image.status()));
      return image.status();
    }
    // Claims first, looks second (store/lease.h).
    for (const LayerRef& layer : image->layers) {
      RETURN_IF_ERROR(s_.lease.ClaimLayer(layer.id));
      RETURN_IF_ERROR(storage::ReadLayer(s_.store, layer.id).status(), "image ", name);
    }
    s_.progress.End(number, /*cached=*/false);
    return &s_.images.emplace(key, *std::move(image)).first->second;
  }

  // The image that a FROM or --from of that name means; null: it is a directory.
  absl::StatusOr<const BaseImage*> ImageOf(const SourceRef& ref,
                                           const std::optional<oci::Platform>& platform) {
    if (ref.kind == SourceRef::Kind::kScratch) return &scratch_;
    if (ref.kind == SourceRef::Kind::kImage) return FindImage(ref.name, platform);
    if (ref.kind != SourceRef::Kind::kContext || ref.name.empty()) return nullptr;
    absl::string_view place = s_.request.build_contexts.at(ref.name);
    if (!absl::ConsumePrefix(&place, kImageContext)) return nullptr;
    return FindImage(std::string(place), platform);
  }

  absl::Status PlanOne(const PlanInputs& inputs, int index) {
    const StageNode& node = s_.graph.stages[static_cast<size_t>(index)];
    const Lines lines = s_.file.stages[static_cast<size_t>(index)].from.lines;
    std::optional<oci::Platform> platform = node.platform;
    if (!platform.has_value()) platform = s_.request.platform;
    const BaseImage* base = nullptr;
    const StagePlan* below = nullptr;
    if (node.base.kind == SourceRef::Kind::kStage) {
      below = &s_.stages.at(node.base.stage).plan;
    } else {
      auto image = ImageOf(node.base, platform);
      if (!image.ok()) return AtLines(image.status(), lines);
      base = *image != nullptr ? *image : &scratch_;  // a directory is copied into an empty image
    }
    ASSIGN_OR_RETURN(StagePlan plan, PlanStage(inputs, index, base, below));
    StageState& state = s_.stages[index];
    state.plan = std::move(plan);
    for (const Step& step : state.plan.steps) {
      std::vector<SourceRef> refs = step.mount_sources;
      if (step.has_from) refs.push_back(step.from);
      for (const SourceRef& ref : refs) {
        auto image = ImageOf(ref, s_.request.platform);
        if (!image.ok()) return AtLines(image.status(), step.instruction.lines);
        if (*image != nullptr && ref.kind != SourceRef::Kind::kScratch) {
          state.inputs.images[ref.name] = (*image)->layers;
        }
      }
    }
    return absl::OkStatus();
  }

  void WarnOfUnusedArguments() {
    std::set<std::string> used;
    for (const auto& [index, state] : s_.stages) {
      const auto& names = state.plan.scope->used_build_arguments();
      used.insert(names.begin(), names.end());
    }
    for (const Instruction& global : s_.file.global_args) {
      for (const Arg::Declaration& one : std::get<Arg>(global.value).declarations) used.insert(one.name);
    }
    for (const auto& [name, value] : s_.request.build_args) {
      if (used.count(name) != 0 || IsProxyArgument(name) || name == "SOURCE_DATE_EPOCH" ||
          absl::StartsWith(name, "BUILDKIT_")) {
        continue;
      }
      s_.progress.Warn(absl::StrCat("build argument ", name, " is not used by any ARG"));
    }
  }

  BuildSession& s_;
  const BaseImage scratch_;
};

absl::Status BuildPlanner::Plan() {
  const int number =
      s_.BeginStep(absl::StrCat("[internal] load build definition from ", s_.request.dockerfile_name));
  auto file = ParseDockerfile(s_.request.dockerfile_name, s_.request.dockerfile);
  if (!file.ok()) {
    s_.progress.Fail(number, StatusLine(file.status()));
    return file.status();
  }
  s_.file = *std::move(file);
  if (!s_.request.base_override.empty())
    std::get<From>(s_.file.stages.front().from.value).base = s_.request.base_override;
  s_.progress.End(number, false);
  ScopeInputs inputs;
  inputs.build_args = s_.request.build_args;
  inputs.build_platform = oci::HostPlatform();
  inputs.target_platform = s_.request.platform.value_or(oci::HostPlatform());
  inputs.target_stage = s_.request.target;
  ASSIGN_OR_RETURN(GlobalScope global, GlobalScope::Make(s_.file, std::move(inputs)));
  s_.global = std::make_unique<GlobalScope>(std::move(global));
  PlanInputs plan;
  plan.environment = s_.request.environment;
  for (const auto& [name, place] : s_.request.build_contexts) plan.context_names.insert(name);
  ASSIGN_OR_RETURN(s_.graph, MakeStageGraph(s_.file, *s_.global, plan.context_names, s_.request.target));
  plan.file = &s_.file;
  plan.graph = &s_.graph;
  plan.global = s_.global.get();
  for (const int index : s_.graph.needed) RETURN_IF_ERROR(PlanOne(plan, index));
  WarnOfUnusedArguments();
  ASSIGN_OR_RETURN(const storage::DriverChoice driver,
                   storage::ChooseDriver(s_.store, s_.request.storage_driver));
  s_.user_xattr = driver.user_xattr;
  s_.driver = driver.driver;
  return absl::OkStatus();
}

}  // namespace

absl::Status PlanBuild(BuildSession& session) { return BuildPlanner(session).Plan(); }

}  // namespace coracle::build
