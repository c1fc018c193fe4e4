// Runs the stages of a build: which of them may begin, and what their processes tell.
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "base/time_format.h"
#include "build/build_session.h"
#include "build/built_image.h"

namespace coracle::build {
namespace {

constexpr int kTickMilliseconds = 100;

class StageRunner {
 public:
  explicit StageRunner(BuildSession& session) : s_(session) {}

  bool IsReady(const StageState& state) const {
    if (state.started) return false;
    return std::all_of(state.plan.node.needs.begin(), state.plan.node.needs.end(),
                       [this](int index) { return s_.stages.at(index).done; });
  }

  std::string Place(const StagePlan& plan, size_t position) const {
    std::string text = "[";
    for (const std::string& word : {s_.request.progress_label, plan.label})
      if (!word.empty()) absl::StrAppend(&text, word, " ");
    return absl::StrCat(text, position, "/", plan.steps.size() + 1, "]");
  }

  absl::Status StartStage(StageState& state) {
    state.started = true;
    const SourceRef& base = state.plan.node.base;
    if (base.kind == SourceRef::Kind::kStage) {
      state.below = s_.LayersOf(s_.stages.at(base.stage));
    } else {
      state.below = state.plan.base.layers;
      const std::string name = state.plan.base.name.empty() ? "scratch" : state.plan.base.name;
      if (!state.plan.base.id.empty()) {
        s_.progress.End(s_.BeginStep(absl::StrCat(Place(state.plan, 1), " FROM ", name)), /*cached=*/true);
      }
    }
    if (state.plan.steps.empty()) {
      state.done = true;
      return absl::OkStatus();
    }
    StageInputs& inputs = state.inputs;
    inputs.store = &s_.store;
    inputs.request = &s_.request;
    inputs.host = &s_.host;
    inputs.plan = &state.plan;
    inputs.below = state.below;
    inputs.user_xattr = s_.user_xattr;
    inputs.driver = s_.driver;
    const std::vector<std::string>& anew = s_.request.no_cache_stages;
    inputs.no_cache =
        s_.request.no_cache ||
        (!state.plan.label.empty() && std::find(anew.begin(), anew.end(), state.plan.label) != anew.end()) ||
        (!state.plan.node.name.empty() &&
         std::find(anew.begin(), anew.end(), state.plan.node.name) != anew.end());
    for (const int index : state.plan.node.needs) inputs.stages[index] = s_.LayersOf(s_.stages.at(index));
    ASSIGN_OR_RETURN(state.process, StageProcess::Start(inputs, s_.lease));
    return absl::OkStatus();
  }

  absl::Status TakeFailure(StageState& state, const WorkerEvent::Failure& failure) {
    absl::Status status(static_cast<absl::StatusCode>(failure.code()), failure.message());
    if (!failure.hint().empty()) status = WithHint(status, failure.hint());
    if (failure.step() < 0) return status;
    const Step& step = state.plan.steps[static_cast<size_t>(failure.step())];
    const auto number = state.numbers.find(failure.step());
    if (number != state.numbers.end()) s_.progress.Fail(number->second, failure.message());
    if (failure.exit_code() != 0) {
      absl::Status exit = StepExitError("", failure.exit_code());
      const auto copy = [&](absl::string_view url, const absl::Cord& payload) {
        status.SetPayload(url, payload);
      };
      exit.ForEachPayload(copy);
    }
    if (failure.has_left()) {
      ASSIGN_OR_RETURN(const std::string id, KeepFailed(state, step, failure.left()));
      status = WithHint(status, absl::StrCat("a shell in what it left: coracle run --rm -it ", id));
    } else if (failure.exit_code() != 0) {
      status = WithHint(status, "--debug-shell keeps what it left, to be looked at with a shell");
    }
    return AtLines(status, step.instruction.lines);
  }

  // An image of the state that a failed RUN left, with its environment. Gives its short id.
  absl::StatusOr<std::string> KeepFailed(const StageState& state, const Step& step, const StageLayer& left) {
    RETURN_IF_ERROR(s_.lease.ClaimLayer(left.id()));
    BuiltImage image;
    image.layers = s_.LayersOf(state);
    image.layers.push_back({left.id(), left.media_type(), left.digest(), left.size(), left.unpacked_bytes()});
    image.config = state.plan.config;
    oci::ContainerDefaults& config = image.config.config;
    config.env = step.environment;
    config.user = step.user;
    config.working_dir = step.workdir;
    config.entrypoint.clear();
    config.cmd = {step.shell.empty() ? "/bin/sh" : step.shell.front()};
    image.config.created = FormatRfc3339Nano(absl::Now());
    ASSIGN_OR_RETURN(const StoredImage stored, StoreBuiltImage(s_.store, s_.lease, std::move(image)));
    return stored.id.substr(0, 12);
  }

  absl::Status TakeEvent(StageState& state, const WorkerEvent& event) {
    switch (event.kind_case()) {
      case WorkerEvent::kBegin: {
        const int step = event.begin().step();
        state.numbers[step] = s_.BeginStep(absl::StrCat(Place(state.plan, static_cast<size_t>(step) + 2), " ",
                                                        state.plan.steps[static_cast<size_t>(step)].display));
        break;
      }
      case WorkerEvent::kOutput:
        s_.progress.Output(state.numbers[event.output().step()], event.output().data());
        break;
      case WorkerEvent::kEnd: {
        const StageLayer& layer = event.end().layer();
        MadeLayer made;
        made.layer = {layer.id(), layer.media_type(), layer.digest(), layer.size(), layer.unpacked_bytes()};
        made.created_unix_nanos = layer.created_unix_nanos();
        RETURN_IF_ERROR(s_.lease.ClaimLayer(layer.id()));
        KeptStep kept;
        kept.keys.assign(layer.keys().begin(), layer.keys().end());
        kept.step.layer = made.layer;
        kept.step.created_unix_nanos = made.created_unix_nanos;
        kept.below = s_.LayersOf(state);
        kept.description = state.plan.steps[static_cast<size_t>(event.end().step())].display;
        s_.kept_steps.push_back(std::move(kept));
        state.made.push_back(std::move(made));
        s_.progress.End(state.numbers[event.end().step()], event.end().cached());
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
    for (auto& [index, state] : s_.stages) {
      if (state.process == nullptr) continue;
      fds.push_back({state.process->fd(), POLLIN, 0});
      states.push_back(&state);
    }
    if (s_.cancel != nullptr) fds.push_back({s_.cancel->fd(), POLLIN, 0});
    const int ready = poll(fds.data(), fds.size(), kTickMilliseconds);
    if (s_.cancel != nullptr) RETURN_IF_ERROR(s_.cancel->Check());
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "wait for the build's processes");
    for (size_t i = 0; ready > 0 && i < states.size(); ++i) {
      if (fds[i].revents != 0) RETURN_IF_ERROR(ReadStage(*states[i]));
    }
    s_.progress.Tick();
    return absl::OkStatus();
  }

  size_t Jobs() const {
    if (s_.request.jobs > 0) return static_cast<size_t>(s_.request.jobs);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    const bool known = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    return std::max<size_t>(2, known ? static_cast<size_t>(CPU_COUNT(&cpus)) : 2);
  }

  absl::Status RunStages() {
    const size_t jobs = Jobs();
    StageState& target = s_.stages.at(s_.graph.target);
    while (!target.done) {
      size_t running = 0;
      for (const auto& [index, state] : s_.stages) running += state.process != nullptr ? 1 : 0;
      bool again = false;
      for (const int index : s_.graph.needed) {
        StageState& state = s_.stages.at(index);
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

  BuildSession& s_;
};

}  // namespace

absl::Status RunStages(BuildSession& session) { return StageRunner(session).RunStages(); }

}  // namespace coracle::build
