// The image of a build: its layers, squashed if asked for, its config and its history.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/time_format.h"
#include "build/build_session.h"
#include "build/built_image.h"
#include "build/cache_image.h"
#include "image/image_files.h"
#include "storage/layer_store.h"
#include "storage/stage_diff.h"
#include "storage/tree_diff.h"

namespace coracle::build {
namespace {

class Finisher {
 public:
  explicit Finisher(BuildSession& session) : s_(session) {}

  // All that differs from `below` of them, as one layer.
  absl::StatusOr<std::vector<LayerRef>> Squash(const std::vector<LayerRef>& layers, size_t below) {
    if (layers.size() <= below + 1) return layers;
    const int number = s_.BeginStep("squashing layers");
    std::vector<std::string> all, old;
    for (size_t i = layers.size(); i > 0; --i) {
      const std::string directory = storage::LayerDiffDir(s_.store, layers[i - 1].id);
      all.push_back(directory);
      if (i <= below) old.push_back(directory);
    }
    ASSIGN_OR_RETURN(const storage::MergedTree newer, storage::MergedTree::Open(all, s_.user_xattr));
    ASSIGN_OR_RETURN(const storage::MergedTree older, storage::MergedTree::Open(old, s_.user_xattr));
    ASSIGN_OR_RETURN(const std::vector<storage::Change> changes, storage::DiffTrees(newer, older));
    ASSIGN_OR_RETURN(const store::Lease work, store::Lease::Take(s_.store, "build"));
    RETURN_IF_ERROR(storage::StageChanges(work, newer, changes, s_.user_xattr));
    ASSIGN_OR_RETURN(const storage::StagedLayer staged, storage::DigestStaged(work, s_.user_xattr));
    RETURN_IF_ERROR(image::SyncStore(s_.store));
    RETURN_IF_ERROR(s_.lease.ClaimLayer(staged.record.id()));
    RETURN_IF_ERROR(storage::PublishLayer(s_.store, staged));
    std::vector<LayerRef> result(layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(below));
    LayerRef made = layers.back();
    made.id = staged.record.id();
    made.digest = absl::StrCat("sha256:", made.id);
    made.size = staged.record.content_bytes();
    made.unpacked_bytes = staged.record.unpacked_bytes();
    result.push_back(std::move(made));
    s_.progress.End(number, false);
    return result;
  }

  // The lines of stages below come first.
  void AddHistory(const StageState& state, std::string& created, std::vector<oci::HistoryEntry>& history) {
    const SourceRef& base = state.plan.node.base;
    if (base.kind == SourceRef::Kind::kStage) {
      AddHistory(s_.stages.at(base.stage), created, history);
    } else {
      history = state.plan.base_history;
      created = state.plan.base.config.created;
      if (!history.empty() && !history.back().created.empty()) created = history.back().created;
    }
    if (s_.request.epoch.has_value()) created = FormatRfc3339Nano(absl::FromUnixSeconds(*s_.request.epoch));
    for (const PlannedHistory& planned : state.plan.history) {
      oci::HistoryEntry entry;
      entry.created_by = planned.created_by;
      entry.comment = "buildkit.dockerfile.v0";
      entry.empty_layer = planned.step < 0;
      // A step that came out of the cache keeps its time, and what makes no layer has that of the one before:
      // the same build twice is the same image.
      if (planned.step >= 0 && !s_.request.epoch.has_value()) {
        created = FormatRfc3339Nano(
            absl::FromUnixNanos(state.made[static_cast<size_t>(planned.step)].created_unix_nanos));
      }
      entry.created = created;
      history.push_back(std::move(entry));
    }
  }

  absl::StatusOr<BuildResult> Finish() {
    const int number = s_.BeginStep("exporting to image");
    const StageState& target = s_.stages.at(s_.graph.target);
    BuiltImage image;
    image.layers = s_.LayersOf(target);
    image.config = target.plan.config;
    std::string created;
    AddHistory(target, created, image.config.history);
    if (created.empty()) created = FormatRfc3339Nano(absl::UnixEpoch());
    image.config.created = created;
    if (s_.request.squash) {
      const size_t below = BaseLayers(target);
      ASSIGN_OR_RETURN(image.layers, Squash(image.layers, below));
      SquashHistory(image, below);
    }
    for (const std::string& key : s_.request.unset_labels) image.config.config.labels.erase(key);
    for (const auto& [key, value] : s_.request.labels) image.config.config.labels[key] = value;
    for (const std::string& name : s_.request.unset_environment) {
      std::vector<std::string>& env = image.config.config.env;
      env.erase(std::remove_if(env.begin(), env.end(),
                               [&](const std::string& entry) {
                                 return absl::StartsWith(entry, absl::StrCat(name, "="));
                               }),
                env.end());
    }
    if (s_.request.omit_history) image.config.history.clear();
    DropInlineCache(image.config);
    if (s_.request.inline_cache) AddInlineCache(s_.kept_steps, image.layers, s_.request.epoch, image.config);
    for (const auto& [key, value] : s_.request.annotations) image.annotations[key] = value;
    image.docker_format = s_.request.docker_format;
    image.tags = s_.request.tags;
    BuildResult result;
    result.layers = image.layers;
    result.config = image.config;
    result.steps = std::move(s_.kept_steps);
    result.last_number = s_.last_number;
    NoteInputs(result);
    if (!s_.request.keep_image) {
      s_.progress.End(number, false);
      return result;
    }
    ASSIGN_OR_RETURN(result.image, StoreBuiltImage(s_.store, s_.lease, std::move(image)));
    s_.progress.Output(number, absl::StrCat("writing image sha256:", result.image.id, "\n"));
    for (const std::string& tag : s_.request.tags) {
      s_.progress.Output(number, absl::StrCat("naming to ", tag, "\n"));
    }
    s_.progress.End(number, false);
    return result;
  }

  void NoteInputs(BuildResult& result) const {
    for (const auto& [key, image] : s_.images) {
      oci::Platform platform;
      platform.os = image.config.os;
      platform.architecture = image.config.architecture;
      platform.variant = image.config.variant;
      result.bases.push_back({image.name, image.manifest_digest, std::move(platform)});
    }
    for (const auto& [index, state] : s_.stages) {
      for (const Step& step : state.plan.steps) {
        const Run* run = step.run();
        if (run != nullptr && run->network != RunNetwork::kNone &&
            s_.request.run_config.network_mode() != "none")
          result.is_hermetic = false;
      }
    }
  }

  // Of the image that the target begins with, through stages below.
  size_t BaseLayers(const StageState& state) const {
    const SourceRef& base = state.plan.node.base;
    if (base.kind == SourceRef::Kind::kStage) return BaseLayers(s_.stages.at(base.stage));
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

  BuildSession& s_;
};

}  // namespace

absl::StatusOr<BuildResult> FinishBuild(BuildSession& session) { return Finisher(session).Finish(); }

}  // namespace coracle::build
