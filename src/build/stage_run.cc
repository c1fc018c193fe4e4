#include "build/stage_run.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "build/copy_step.h"
#include "build/owner.h"
#include "build/run_mounts.h"
#include "build/tree_writer.h"
#include "oci/platform.h"
#include "storage/layer_store.h"

namespace coracle::build {
namespace {

constexpr char kExitPayload[] = "coracle.build/exit-code";

// The kernel knows no program of another architecture, unless somebody told it who runs those.
absl::Status ForeignHint(const absl::Status& status, const oci::ImageConfig& config) {
  if (status.ok() || config.architecture == oci::HostPlatform().architecture ||
      !absl::StrContains(status.message(), "Exec format error")) {
    return status;
  }
  return WithHint(status, absl::StrCat("the image is for ", config.os, "/", config.architecture,
                                       ": register an emulator for it (qemu-user-static) with binfmt_misc"));
}

}  // namespace

absl::Status StepExitError(absl::string_view what, int exit_code) {
  absl::Status status = absl::AbortedError(
      absl::StrCat("process \"", what, "\" did not complete successfully: exit code: ", exit_code));
  status.SetPayload(kExitPayload, absl::Cord(absl::StrCat(exit_code)));
  return status;
}

int StepExitCodeOf(const absl::Status& status) {
  int code = 0;
  const auto payload = status.GetPayload(kExitPayload);
  if (payload.has_value() && absl::SimpleAtoi(std::string(*payload), &code)) return code;
  return 0;
}

absl::Status StageRun::Run(int& failed_step) {
  for (int i = 0; i < static_cast<int>(in_.plan->steps.size()); ++i) {
    failed_step = i;
    events_.begin(i);
    bool cached = false;
    const auto layer = RunStep(i, cached);
    if (!layer.ok()) {
      return AtLines(layer.status(), in_.plan->steps[static_cast<size_t>(i)].instruction.lines);
    }
    layers_.push_back(layer->layer);
    events_.end(i, cached, *layer);
  }
  failed_step = -1;
  return absl::OkStatus();
}

absl::StatusOr<CachedStep> StageRun::RunStep(int index, bool& cached) {
  const Step& step = in_.plan->steps[static_cast<size_t>(index)];
  if (step.run() != nullptr) return DoRun(index, cached);
  if (std::holds_alternative<Workdir>(step.instruction.value)) return DoWorkdir(index, cached);
  return DoCopy(index, cached);
}

// What decides in every step.
void StageRun::AddCommon(KeyMaker& key, const std::vector<LayerRef>& below) const {
  key.Add(ChainId(below));
  key.Add(in_.request->epoch.has_value() ? absl::StrCat(*in_.request->epoch) : "");
  key.Add(in_.user_xattr ? "user" : "trusted");  // layers of the two are not the same on disk
}

absl::StatusOr<CachedStep> StageRun::FromCacheOr(int index, const std::string& key, bool& cached,
                                                 const std::vector<LayerRef>& below,
                                                 const std::function<absl::Status(LayerWork&)>& make) {
  const Step& step = in_.plan->steps[static_cast<size_t>(index)];
  std::optional<StepLock> lock;
  if (!in_.no_cache) {
    ASSIGN_OR_RETURN(auto found, FindStep(*in_.store, keeper_, key));
    if (!found.has_value()) {
      ASSIGN_OR_RETURN(StepLock held, LockStep(*in_.store, key, [&](const std::string& holder) {
                         events_.output(index, absl::StrCat("waiting for ", holder, "\n"));
                       }));
      lock.emplace(std::move(held));
      ASSIGN_OR_RETURN(found, FindStep(*in_.store, keeper_, key));
    }
    if (found.has_value()) {
      cached = true;
      return *std::move(found);
    }
  }
  ASSIGN_OR_RETURN(LayerWork work, LayerWork::Begin(*in_.store, below, in_.user_xattr));
  const absl::Status made = make(work);
  if (!made.ok()) {
    if (in_.request->keep_failed && StepExitCodeOf(made) != 0) {
      ASSIGN_OR_RETURN(const LayerRef left, work.Finish(*in_.store, keeper_, in_.request->epoch));
      left_ = CachedStep{left, 0, {}};
    }
    return made;
  }
  FaultPoint("build.step.made");
  ASSIGN_OR_RETURN(const LayerRef layer, work.Finish(*in_.store, keeper_, in_.request->epoch));
  return KeepStep(*in_.store, key, layer, below, step.display);
}

absl::StatusOr<CachedStep> StageRun::DoWorkdir(int index, bool& cached) {
  const Step& step = in_.plan->steps[static_cast<size_t>(index)];
  KeyMaker key("workdir 1");
  AddCommon(key, layers_);
  key.Add(step.workdir).Add(step.user);
  return FromCacheOr(index, key.Finish(), cached, layers_, [&](LayerWork& work) -> absl::Status {
    ASSIGN_OR_RETURN(const Owner owner, LookUpOwner(step.user, work.lower(), *in_.host));
    ASSIGN_OR_RETURN(TreeWriter writer, TreeWriter::Open(work));
    ASSIGN_OR_RETURN(const TreeWriter::Place place, writer.Resolve(step.workdir));
    if (place.exists && !place.is_directory) {
      return absl::FailedPreconditionError(absl::StrCat(step.workdir, " is there and is no directory"));
    }
    if (!place.exists) {
      NodeAttributes made;
      made.uid = owner.uid;
      made.gid = owner.gid;
      RETURN_IF_ERROR(writer.MakeDirectories(place.path, made));
    }
    return writer.Finish();
  });
}

absl::StatusOr<CachedStep> StageRun::DoRun(int index, bool& cached) {
  const Step& step = in_.plan->steps[static_cast<size_t>(index)];
  const build::Run& run = *step.run();
  const RunProgram program = ProgramOf(run);
  std::vector<std::string> args = program.words;
  if (!program.script_name.empty()) {
    args = {absl::StrCat("/dev/pipes/", program.script_name)};
  } else if (program.shell_form) {
    args = step.shell;
    args.insert(args.end(), program.words.begin(), program.words.end());
  }
  if (run.insecure && !in_.request->allow_insecure) {
    return WithHint(absl::PermissionDeniedError("RUN --security=insecure is not allowed"),
                    "allow it with --allow security.insecure");
  }
  KeyMaker key("run 1");
  AddCommon(key, layers_);
  key.Add(args).Add(step.environment).Add(step.user).Add(step.workdir).Add(program.script);
  key.Add(run.insecure ? "insecure" : "sandbox").Add(absl::StrCat(static_cast<int>(run.network)));
  RunMounts mounts(in_, step);
  RETURN_IF_ERROR(mounts.AddToKey(key));
  return FromCacheOr(index, key.Finish(), cached, layers_, [&](LayerWork& work) {
    const absl::Status status = RunInRoot(in_, step, args, program, mounts, work,
                                          [&](absl::string_view text) { events_.output(index, text); });
    return ForeignHint(status, in_.plan->config);
  });
}

absl::StatusOr<CachedStep> StageRun::DoCopy(int index, bool& cached) {
  const Step& step = in_.plan->steps[static_cast<size_t>(index)];
  // With --link the layer stands for itself, whatever is below: another base changes nothing.
  const std::vector<LayerRef> nothing;
  const std::vector<LayerRef>& below = CopyStep::IsLinked(step) ? nothing : layers_;
  const auto is_new = [&] { return in_.no_cache || !IsStepKnown(*in_.store, below, step.display); };
  CopyStep copy(in_, step, absl::StrCat(keeper_.work_dir(), "/fetched-", index), is_new);
  RETURN_IF_ERROR(copy.Open());
  // Layers that are the same give the same files: nothing is looked at.
  KeyMaker origin("copy from layers 1");
  AddCommon(origin, below);
  std::string origin_key;
  if (copy.AddOriginToKey(origin)) origin_key = origin.Finish();
  if (!origin_key.empty() && !in_.no_cache) {
    ASSIGN_OR_RETURN(auto found, FindStep(*in_.store, keeper_, origin_key));
    if (found.has_value()) {
      cached = true;
      return *std::move(found);
    }
  }
  KeyMaker key("copy 1");
  AddCommon(key, below);
  RETURN_IF_ERROR(copy.Prepare(key));
  if (copy.needs_names()) key.Add(ChainId(layers_));  // what they mean stands there
  std::vector<std::string> owners;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
    owners.push_back(storage::LayerDiffDir(*in_.store, layer->id));
  const auto make = [&](LayerWork& work) { return copy.Make(work, owners); };
  ASSIGN_OR_RETURN(CachedStep made, FromCacheOr(index, key.Finish(), cached, below, make));
  if (!origin_key.empty()) {
    RETURN_IF_ERROR(AliasStep(*in_.store, origin_key, made, below, step.display));
    made.keys.push_back(origin_key);
  }
  return made;
}

}  // namespace coracle::build
