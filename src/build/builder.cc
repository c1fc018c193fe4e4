#include "build/builder.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/time_format.h"
#include "build/dockerfile.h"
#include "build/scope.h"
#include "build/stage_graph.h"
#include "build/stage_plan.h"
#include "build/stage_process.h"
#include "image/image_files.h"
#include "storage/driver.h"
#include "storage/layer_store.h"
#include "storage/stage_diff.h"
#include "storage/tree_diff.h"
#include "store/lease.h"

namespace coracle::build {
namespace {

constexpr absl::string_view kImageContext = "docker-image://";
constexpr int kTickMilliseconds = 100;

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

class Builder {
 public:
  Builder(const store::Store& store, const BuildRequest& request, const BuildHost& host,
          BuildProgress& progress, const os::CancelFlag* cancel, store::Lease& lease)
      : store_(store), request_(request), host_(host), progress_(progress), cancel_(cancel), lease_(lease) {}

  absl::StatusOr<BuildResult> Run() {
    RETURN_IF_ERROR(Plan());
    RETURN_IF_ERROR(RunStages());
    return Finish();
  }

 private:
  int BeginStep(const std::string& name) {
    progress_.Begin(++last_number_, name);
    return last_number_;
  }

  // ---- plan ----

  absl::StatusOr<const BaseImage*> FindImage(const std::string& name,
                                             const std::optional<oci::Platform>& platform) {
    const std::string key =
        absl::StrCat(name, "\n", platform.has_value() ? oci::PlatformName(*platform) : "");
    const auto known = images_.find(key);
    if (known != images_.end()) return &known->second;
    const int number = BeginStep(absl::StrCat("[internal] load metadata for ", name));
    auto image = host_.find_image(name, platform);
    if (!image.ok()) {
      progress_.Fail(number, StatusLine(image.status()));
      return image.status();
    }
    // Claims first, looks second (store/lease.h).
    for (const LayerRef& layer : image->layers) {
      RETURN_IF_ERROR(lease_.ClaimLayer(layer.id));
      RETURN_IF_ERROR(storage::ReadLayer(store_, layer.id).status(), "image ", name);
    }
    progress_.End(number, /*cached=*/false);
    return &images_.emplace(key, *std::move(image)).first->second;
  }

  // The image that a FROM or --from of that name means; null: it is a directory.
  absl::StatusOr<const BaseImage*> ImageOf(const SourceRef& ref,
                                           const std::optional<oci::Platform>& platform) {
    if (ref.kind == SourceRef::Kind::kScratch) return &scratch_;
    if (ref.kind == SourceRef::Kind::kImage) return FindImage(ref.name, platform);
    if (ref.kind != SourceRef::Kind::kContext || ref.name.empty()) return nullptr;
    absl::string_view place = request_.build_contexts.at(ref.name);
    if (!absl::ConsumePrefix(&place, kImageContext)) return nullptr;
    return FindImage(std::string(place), platform);
  }

  absl::Status PlanOne(const PlanInputs& inputs, int index) {
    const StageNode& node = graph_.stages[static_cast<size_t>(index)];
    const Lines lines = file_.stages[static_cast<size_t>(index)].from.lines;
    std::optional<oci::Platform> platform = node.platform;
    if (!platform.has_value()) platform = request_.platform;
    const BaseImage* base = nullptr;
    const StagePlan* below = nullptr;
    if (node.base.kind == SourceRef::Kind::kStage) {
      below = &stages_.at(node.base.stage).plan;
    } else {
      auto image = ImageOf(node.base, platform);
      if (!image.ok()) return AtLines(image.status(), lines);
      base = *image;
      if (base == nullptr) {
        return AtLines(absl::UnimplementedError(absl::StrCat("FROM ", node.base.name,
                                                             ": a build context that is a directory is not "
                                                             "supported yet as a base")),
                       lines);
      }
    }
    ASSIGN_OR_RETURN(StagePlan plan, PlanStage(inputs, index, base, below));
    StageState& state = stages_[index];
    state.plan = std::move(plan);
    for (const std::string& warning : state.plan.warnings) progress_.Warn(warning);
    for (const Step& step : state.plan.steps) {
      std::vector<SourceRef> refs = step.mount_sources;
      if (step.has_from) refs.push_back(step.from);
      for (const SourceRef& ref : refs) {
        auto image = ImageOf(ref, request_.platform);
        if (!image.ok()) return AtLines(image.status(), step.instruction.lines);
        if (*image != nullptr && ref.kind != SourceRef::Kind::kScratch) {
          state.inputs.images[ref.name] = (*image)->layers;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status Plan() {
    const int number =
        BeginStep(absl::StrCat("[internal] load build definition from ", request_.dockerfile_name));
    auto file = ParseDockerfile(request_.dockerfile_name, request_.dockerfile);
    if (!file.ok()) {
      progress_.Fail(number, StatusLine(file.status()));
      return file.status();
    }
    file_ = *std::move(file);
    progress_.End(number, false);
    ScopeInputs inputs;
    inputs.build_args = request_.build_args;
    inputs.build_platform = oci::HostPlatform();
    inputs.target_platform = request_.platform.value_or(oci::HostPlatform());
    inputs.target_stage = request_.target;
    ASSIGN_OR_RETURN(GlobalScope global, GlobalScope::Make(file_, std::move(inputs)));
    global_ = std::make_unique<GlobalScope>(std::move(global));
    PlanInputs plan;
    for (const auto& [name, place] : request_.build_contexts) plan.context_names.insert(name);
    ASSIGN_OR_RETURN(graph_, MakeStageGraph(file_, *global_, plan.context_names, request_.target));
    plan.file = &file_;
    plan.graph = &graph_;
    plan.global = global_.get();
    for (const int index : graph_.needed) RETURN_IF_ERROR(PlanOne(plan, index));
    WarnOfUnusedArguments();
    ASSIGN_OR_RETURN(const storage::DriverChoice driver,
                     storage::ChooseDriver(store_, request_.storage_driver));
    user_xattr_ = driver.user_xattr;
    if (driver.driver != storage::Driver::kOverlay) {
      return absl::UnimplementedError(absl::StrCat(
          "build with the storage driver ", storage::DriverName(driver.driver), " is not supported yet"));
    }
    return absl::OkStatus();
  }

  void WarnOfUnusedArguments() {
    std::set<std::string> used;
    for (const auto& [index, state] : stages_) {
      const auto& names = state.plan.scope->used_build_arguments();
      used.insert(names.begin(), names.end());
    }
    for (const Instruction& global : file_.global_args) {
      for (const Arg::Declaration& one : std::get<Arg>(global.value).declarations) used.insert(one.name);
    }
    for (const auto& [name, value] : request_.build_args) {
      if (used.count(name) != 0 || IsProxyArgument(name) || name == "SOURCE_DATE_EPOCH" ||
          absl::StartsWith(name, "BUILDKIT_")) {
        continue;
      }
      progress_.Warn(absl::StrCat("build argument ", name, " is not used by any ARG"));
    }
  }

  // ---- run ----

  std::vector<LayerRef> LayersOf(const StageState& state) const {
    std::vector<LayerRef> layers = state.below;
    for (const MadeLayer& made : state.made) layers.push_back(made.layer);
    return layers;
  }

  bool IsReady(const StageState& state) const {
    if (state.started) return false;
    return std::all_of(state.plan.node.needs.begin(), state.plan.node.needs.end(),
                       [this](int index) { return stages_.at(index).done; });
  }

  static std::string Place(const StagePlan& plan, size_t position) {
    return absl::StrCat("[", plan.label, plan.label.empty() ? "" : " ", position, "/", plan.steps.size() + 1,
                        "]");
  }

  absl::Status StartStage(StageState& state) {
    state.started = true;
    const SourceRef& base = state.plan.node.base;
    if (base.kind == SourceRef::Kind::kStage) {
      state.below = LayersOf(stages_.at(base.stage));
    } else {
      state.below = state.plan.base.layers;
      const std::string name = state.plan.base.name.empty() ? "scratch" : state.plan.base.name;
      if (!state.plan.base.id.empty()) {
        progress_.End(BeginStep(absl::StrCat(Place(state.plan, 1), " FROM ", name)), /*cached=*/true);
      }
    }
    if (state.plan.steps.empty()) {
      state.done = true;
      return absl::OkStatus();
    }
    StageInputs& inputs = state.inputs;
    inputs.store = &store_;
    inputs.request = &request_;
    inputs.host = &host_;
    inputs.plan = &state.plan;
    inputs.below = state.below;
    inputs.user_xattr = user_xattr_;
    for (const int index : state.plan.node.needs) inputs.stages[index] = LayersOf(stages_.at(index));
    ASSIGN_OR_RETURN(state.process, StageProcess::Start(inputs, lease_));
    return absl::OkStatus();
  }

  absl::Status TakeFailure(StageState& state, const WorkerEvent::Failure& failure) {
    absl::Status status(static_cast<absl::StatusCode>(failure.code()), failure.message());
    if (failure.step() < 0) return status;
    const Step& step = state.plan.steps[static_cast<size_t>(failure.step())];
    const auto number = state.numbers.find(failure.step());
    if (number != state.numbers.end()) progress_.Fail(number->second, failure.message());
    if (failure.exit_code() != 0) {
      absl::Status exit = StepExitError("", failure.exit_code());
      const auto copy = [&](absl::string_view url, const absl::Cord& payload) {
        status.SetPayload(url, payload);
      };
      exit.ForEachPayload(copy);
    }
    return AtLines(status, step.instruction.lines);
  }

  absl::Status TakeEvent(StageState& state, const WorkerEvent& event) {
    switch (event.kind_case()) {
      case WorkerEvent::kBegin: {
        const int step = event.begin().step();
        state.numbers[step] = BeginStep(absl::StrCat(Place(state.plan, static_cast<size_t>(step) + 2), " ",
                                                     state.plan.steps[static_cast<size_t>(step)].display));
        break;
      }
      case WorkerEvent::kOutput:
        progress_.Output(state.numbers[event.output().step()], event.output().data());
        break;
      case WorkerEvent::kEnd: {
        const StageLayer& layer = event.end().layer();
        MadeLayer made;
        made.layer = {layer.id(), layer.media_type(), layer.digest(), layer.size(), layer.unpacked_bytes()};
        made.created_unix_nanos = layer.created_unix_nanos();
        RETURN_IF_ERROR(lease_.ClaimLayer(layer.id()));
        state.made.push_back(std::move(made));
        progress_.End(state.numbers[event.end().step()], event.end().cached());
        break;
      }
      case WorkerEvent::kFailure:
        return TakeFailure(state, event.failure());
      case WorkerEvent::kDone:
        state.done = true;
        break;
      case WorkerEvent::KIND_NOT_SET:
        break;
    }
    return absl::OkStatus();
  }

  absl::Status ReadStage(StageState& state) {
    const bool open = state.process->Read();
    WorkerEvent event;
    while (state.process->Next(event)) RETURN_IF_ERROR(TakeEvent(state, event));
    if (state.done) {
      state.process->Release();
      state.process.reset();
      return absl::OkStatus();
    }
    if (open) return absl::OkStatus();
    return absl::AbortedError("a process of the build was killed");
  }

  absl::Status WaitForEvents() {
    std::vector<pollfd> fds;
    std::vector<StageState*> states;
    for (auto& [index, state] : stages_) {
      if (state.process == nullptr) continue;
      fds.push_back({state.process->fd(), POLLIN, 0});
      states.push_back(&state);
    }
    if (cancel_ != nullptr) fds.push_back({cancel_->fd(), POLLIN, 0});
    const int ready = poll(fds.data(), fds.size(), kTickMilliseconds);
    if (cancel_ != nullptr) RETURN_IF_ERROR(cancel_->Check());
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "wait for the build's processes");
    for (size_t i = 0; ready > 0 && i < states.size(); ++i) {
      if (fds[i].revents != 0) RETURN_IF_ERROR(ReadStage(*states[i]));
    }
    progress_.Tick();
    return absl::OkStatus();
  }

  size_t Jobs() const {
    if (request_.jobs > 0) return static_cast<size_t>(request_.jobs);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    const bool known = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    return std::max<size_t>(2, known ? static_cast<size_t>(CPU_COUNT(&cpus)) : 2);
  }

  absl::Status RunStages() {
    const size_t jobs = Jobs();
    StageState& target = stages_.at(graph_.target);
    while (!target.done) {
      size_t running = 0;
      for (const auto& [index, state] : stages_) running += state.process != nullptr ? 1 : 0;
      bool again = false;
      for (const int index : graph_.needed) {
        StageState& state = stages_.at(index);
        if (running >= jobs || !IsReady(state)) continue;
        RETURN_IF_ERROR(StartStage(state));
        running += state.process != nullptr ? 1 : 0;
        again = again || state.done;  // others may be ready now
      }
      if (again) continue;
      RETURN_IF_ERROR(WaitForEvents());
    }
    return absl::OkStatus();
  }

  // ---- the image ----

  // All that differs from `below` of them, as one layer.
  absl::StatusOr<std::vector<LayerRef>> Squash(const std::vector<LayerRef>& layers, size_t below) {
    if (layers.size() <= below + 1) return layers;
    const int number = BeginStep("squashing layers");
    std::vector<std::string> all, old;
    for (size_t i = layers.size(); i > 0; --i) {
      const std::string directory = storage::LayerDiffDir(store_, layers[i - 1].id);
      all.push_back(directory);
      if (i <= below) old.push_back(directory);
    }
    ASSIGN_OR_RETURN(const storage::MergedTree newer, storage::MergedTree::Open(all, user_xattr_));
    ASSIGN_OR_RETURN(const storage::MergedTree older, storage::MergedTree::Open(old, user_xattr_));
    ASSIGN_OR_RETURN(const std::vector<storage::Change> changes, storage::DiffTrees(newer, older));
    ASSIGN_OR_RETURN(const store::Lease work, store::Lease::Take(store_, "build"));
    RETURN_IF_ERROR(storage::StageChanges(work, newer, changes, user_xattr_));
    ASSIGN_OR_RETURN(const storage::StagedLayer staged, storage::DigestStaged(work, user_xattr_));
    RETURN_IF_ERROR(image::SyncStore(store_));
    RETURN_IF_ERROR(lease_.ClaimLayer(staged.record.id()));
    RETURN_IF_ERROR(storage::PublishLayer(store_, staged));
    std::vector<LayerRef> result(layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(below));
    LayerRef made = layers.back();
    made.id = staged.record.id();
    made.digest = absl::StrCat("sha256:", made.id);
    made.size = staged.record.content_bytes();
    made.unpacked_bytes = staged.record.unpacked_bytes();
    result.push_back(std::move(made));
    progress_.End(number, false);
    return result;
  }

  // The lines of stages below come first.
  void AddHistory(const StageState& state, std::string& created, std::vector<oci::HistoryEntry>& history) {
    const SourceRef& base = state.plan.node.base;
    if (base.kind == SourceRef::Kind::kStage) {
      AddHistory(stages_.at(base.stage), created, history);
    } else {
      history = state.plan.base_history;
      created = state.plan.base.config.created;
      if (!history.empty() && !history.back().created.empty()) created = history.back().created;
    }
    if (request_.epoch.has_value()) created = FormatRfc3339Nano(absl::FromUnixSeconds(*request_.epoch));
    for (const PlannedHistory& planned : state.plan.history) {
      oci::HistoryEntry entry;
      entry.created_by = planned.created_by;
      entry.comment = "buildkit.dockerfile.v0";
      entry.empty_layer = planned.step < 0;
      // A step that came out of the cache keeps its time, and what makes no layer has that of the one before:
      // the same build twice is the same image.
      if (planned.step >= 0 && !request_.epoch.has_value()) {
        created = FormatRfc3339Nano(
            absl::FromUnixNanos(state.made[static_cast<size_t>(planned.step)].created_unix_nanos));
      }
      entry.created = created;
      history.push_back(std::move(entry));
    }
  }

  absl::StatusOr<BuildResult> Finish() {
    const int number = BeginStep("exporting to image");
    const StageState& target = stages_.at(graph_.target);
    BuiltImage image;
    image.layers = LayersOf(target);
    image.config = target.plan.config;
    std::string created;
    AddHistory(target, created, image.config.history);
    if (created.empty()) created = FormatRfc3339Nano(absl::UnixEpoch());
    image.config.created = created;
    if (request_.squash) {
      const size_t below = BaseLayers(target);
      ASSIGN_OR_RETURN(image.layers, Squash(image.layers, below));
      SquashHistory(image, below);
    }
    for (const auto& [key, value] : request_.labels) image.config.config.labels[key] = value;
    for (const auto& [key, value] : request_.annotations) image.annotations[key] = value;
    image.docker_format = request_.docker_format;
    image.tags = request_.tags;
    BuildResult result;
    result.layers = image.layers;
    ASSIGN_OR_RETURN(result.image, StoreBuiltImage(store_, lease_, std::move(image)));
    progress_.Output(number, absl::StrCat("writing image sha256:", result.image.id, "\n"));
    for (const std::string& tag : request_.tags) {
      progress_.Output(number, absl::StrCat("naming to ", tag, "\n"));
    }
    progress_.End(number, false);
    return result;
  }

  // Of the image that the target begins with, through stages below.
  size_t BaseLayers(const StageState& state) const {
    const SourceRef& base = state.plan.node.base;
    if (base.kind == SourceRef::Kind::kStage) return BaseLayers(stages_.at(base.stage));
    return state.plan.base.layers.size();
  }

  // One entry has the layer now; the others tell what it is made of.
  static void SquashHistory(BuiltImage& image, size_t below) {
    size_t seen = 0;
    oci::HistoryEntry* last = nullptr;
    for (oci::HistoryEntry& entry : image.config.history) {
      if (entry.empty_layer || seen++ < below) continue;
      entry.empty_layer = true;
      last = &entry;
    }
    if (last != nullptr) last->empty_layer = false;
  }

  const store::Store& store_;
  const BuildRequest& request_;
  const BuildHost& host_;
  BuildProgress& progress_;
  const os::CancelFlag* cancel_;
  store::Lease& lease_;
  Dockerfile file_;
  std::unique_ptr<GlobalScope> global_;
  StageGraph graph_;
  const BaseImage scratch_;
  std::map<std::string, BaseImage> images_;
  std::map<int, StageState> stages_;
  bool user_xattr_ = false;
  int last_number_ = 0;
};

}  // namespace

absl::StatusOr<BuildResult> Build(const store::Store& store, const BuildRequest& request,
                                  const BuildHost& host, BuildProgress& progress,
                                  const os::CancelFlag* cancel) {
  RETURN_IF_ERROR(store.EnsureExists());
  ASSIGN_OR_RETURN(store::Lease lease, store::Lease::Take(store, "build"));
  auto result = Builder(store, request, host, progress, cancel, lease).Run();
  // What killed processes of this build left is nobody's.
  if (!result.ok()) (void)store::Sweep(store);
  return result;
}

}  // namespace coracle::build
