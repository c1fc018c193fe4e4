#include "build/stage_plan.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "base/name_value.h"
#include "base/status.h"
#include "base/time_format.h"
#include "oci/change.h"
#include "oci/default_spec.h"

namespace coracle::build {
namespace {

// Go's %q of a list of strings: ["a" "b"]. docker's histories have lists in this form.
std::string GoList(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) {
    if (text.size() > 1) text += ' ';
    absl::StrAppend(&text, "\"", absl::Utf8SafeCEscape(word), "\"");
  }
  return text + "]";
}

// Paths as text: "a/../b" and "//" are cleaned, ".." at the root is the root.
std::string JoinClean(absl::string_view base, absl::string_view path) {
  std::vector<absl::string_view> parts;
  const std::string joined = absl::StartsWith(path, "/") ? std::string(path) : absl::StrCat(base, "/", path);
  size_t at = 0;
  while (at <= joined.size()) {
    const size_t slash = std::min(joined.find('/', at), joined.size());
    const absl::string_view part = absl::string_view(joined).substr(at, slash - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = slash + 1;
  }
  return absl::StrCat("/", absl::StrJoin(parts, "/"));
}

class Planner {
 public:
  Planner(const PlanInputs& inputs, StagePlan& plan) : inputs_(inputs), plan_(plan) {}

  // FROM a directory: all that is in it.
  void CopyContext(const Instruction& from) {
    Instruction instruction;
    instruction.lines = from.lines;
    Copy copy;
    copy.sources = {"."};
    copy.destination = "/";
    copy.from = plan_.node.base.name;
    instruction.value = std::move(copy);
    instruction.original = absl::StrCat("COPY --from=", plan_.node.base.name, " . /");
    Step& step = AddStep(instruction, instruction.original);
    step.has_from = true;
    step.from = plan_.node.base;
  }

  absl::Status Take(const Instruction& written) {
    ASSIGN_OR_RETURN(Instruction instruction, plan_.scope->Expand(written));
    for (const std::string& name : plan_.scope->TakeUnset()) {
      plan_.warnings.push_back(
          absl::StrCat("line ", instruction.lines.first, ": variable $", name, " is not set"));
    }
    const absl::Status status =
        std::visit([&](const auto& value) { return Apply(instruction, value); }, instruction.value);
    return AtLines(status, instruction.lines);
  }

 private:
  oci::ContainerDefaults& config() { return plan_.config.config; }

  absl::Status Note(std::string created_by) {
    plan_.history.push_back({std::move(created_by), -1});
    return absl::OkStatus();
  }

  std::vector<std::string> WithShell(const CommandLine& command) {
    if (!command.shell_form || command.words.empty()) return command.words;
    std::vector<std::string> args = Shell_();
    args.push_back(absl::StrJoin(command.words, " "));
    return args;
  }
  std::vector<std::string> Shell_() {
    return config().shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config().shell;
  }

  Step& AddStep(const Instruction& instruction, std::string created_by) {
    plan_.history.push_back({created_by, static_cast<int>(plan_.steps.size())});
    Step& step = plan_.steps.emplace_back();
    step.instruction = instruction;
    step.display = instruction.original;
    step.created_by = std::move(created_by);
    step.shell = Shell_();
    step.user = config().user;
    step.workdir = JoinClean("/", config().working_dir);
    return step;
  }

  absl::Status Apply(const Instruction&, const From&) { return absl::OkStatus(); }

  absl::Status Apply(const Instruction&, const Arg& arg) {
    std::vector<std::string> words;
    for (const Arg::Declaration& one : arg.declarations) {
      words.push_back(one.value.has_value() ? absl::StrCat(one.name, "=", *one.value) : one.name);
    }
    return Note(absl::StrCat("ARG ", absl::StrJoin(words, " ")));
  }

  absl::Status Apply(const Instruction&, const Env& env) {
    std::string text = "ENV";
    for (const KeyValue& pair : env.pairs) {
      oci::SetEnv(pair.key, pair.value, &config().env);
      absl::StrAppend(&text, " ", pair.key, "=", pair.value);
    }
    return Note(std::move(text));
  }

  absl::Status Apply(const Instruction&, const Label& label) {
    std::string text = "LABEL";
    for (const KeyValue& pair : label.pairs) {
      config().labels[pair.key] = pair.value;
      absl::StrAppend(&text, " ", pair.key, "=", pair.value);
    }
    return Note(std::move(text));
  }

  absl::Status Apply(const Instruction& instruction, const Run& run) {
    const RunProgram program = ProgramOf(run);
    std::vector<std::string> words;
    if (!program.script_name.empty()) {
      words = {absl::StrCat("/dev/pipes/", program.script_name)};
    } else {
      words = WithShell({program.shell_form, program.words});
    }
    std::string arguments;
    const auto declared = plan_.scope->DeclaredArguments();
    if (!declared.empty()) {
      arguments = absl::StrCat("|", declared.size(), " ",
                               absl::StrJoin(declared, " ", absl::PairFormatter("=")), " ");
    }
    Step& step =
        AddStep(instruction, absl::StrCat("RUN ", arguments, absl::StrJoin(words, " "), " # buildkit"));
    for (const auto& [name, value] : plan_.scope->environment().entries()) {
      step.environment.push_back(absl::StrCat(name, "=", value));
    }
    ASSIGN_OR_RETURN(step.mounts, MountsOf(run));
    for (const RunMount& mount : step.mounts) {
      SourceRef source{SourceRef::Kind::kContext, -1, ""};
      if (!mount.from.empty()) {
        ASSIGN_OR_RETURN(source, ResolveFrom(*inputs_.graph, plan_.node.index, mount.from,
                                             inputs_.context_names, instruction.lines));
      }
      step.mount_sources.push_back(std::move(source));
    }
    return absl::OkStatus();
  }

  static std::string CopyText(absl::string_view name, const CopyBase& copy) {
    std::string text(name);
    if (!copy.chown.empty()) absl::StrAppend(&text, " --chown=", copy.chown);
    if (!copy.chmod.empty()) absl::StrAppend(&text, " --chmod=", copy.chmod);
    for (const std::string& source : copy.sources) absl::StrAppend(&text, " ", source);
    for (const Heredoc& heredoc : copy.heredocs) absl::StrAppend(&text, " <<", heredoc.name);
    return absl::StrCat(text, " ", copy.destination, " # buildkit");
  }

  absl::Status Apply(const Instruction& instruction, const Copy& copy) {
    Step& step = AddStep(instruction, CopyText("COPY", copy));
    if (copy.from.empty()) return absl::OkStatus();
    step.has_from = true;
    ASSIGN_OR_RETURN(step.from, ResolveFrom(*inputs_.graph, plan_.node.index, copy.from,
                                            inputs_.context_names, instruction.lines));
    return absl::OkStatus();
  }

  absl::Status Apply(const Instruction& instruction, const Add& add) {
    AddStep(instruction, CopyText("ADD", add));
    return absl::OkStatus();
  }

  absl::Status Apply(const Instruction&, const Cmd& cmd) {
    config().cmd = WithShell(cmd.command);
    config().args_escaped = false;
    cmd_set_ = true;
    return Note(absl::StrCat("CMD ", GoList(config().cmd)));
  }

  absl::Status Apply(const Instruction&, const Entrypoint& entrypoint) {
    config().entrypoint = WithShell(entrypoint.command);
    if (!cmd_set_) config().cmd.clear();
    return Note(absl::StrCat("ENTRYPOINT ", GoList(config().entrypoint)));
  }

  absl::Status Apply(const Instruction&, const Shell& shell) {
    config().shell = shell.words;
    return Note(absl::StrCat("SHELL [", absl::StrJoin(shell.words, " "), "]"));
  }

  absl::Status Apply(const Instruction& instruction, const Workdir& workdir) {
    config().working_dir = JoinClean(JoinClean("/", config().working_dir), workdir.path);
    AddStep(instruction, absl::StrCat("WORKDIR ", config().working_dir));
    return absl::OkStatus();
  }

  absl::Status Apply(const Instruction&, const User& user) {
    config().user = user.user;
    return Note(absl::StrCat("USER ", user.user));
  }

  absl::Status Apply(const Instruction&, const Expose& expose) {
    std::vector<std::string> named;
    for (const std::string& port : expose.ports) {
      ASSIGN_OR_RETURN(const std::vector<std::string> ports, oci::ParseExposedPorts(port));
      for (const std::string& one : ports) {
        config().exposed_ports[one] = {};
        named.push_back(absl::StrCat(one, ":{}"));
      }
    }
    return Note(absl::StrCat("EXPOSE map[", absl::StrJoin(named, " "), "]"));
  }

  absl::Status Apply(const Instruction&, const Volume& volume) {
    for (const std::string& path : volume.paths) config().volumes[path] = {};
    return Note(absl::StrCat("VOLUME [", absl::StrJoin(volume.paths, " "), "]"));
  }

  absl::Status Apply(const Instruction&, const StopSignal& signal) {
    config().stop_signal = signal.signal;
    return Note(absl::StrCat("STOPSIGNAL ", signal.signal));
  }

  absl::Status Apply(const Instruction&, const Healthcheck& check) {
    oci::Healthcheck made;
    if (check.none) {
      made.test = {"NONE"};
    } else {
      made.test = {check.command.shell_form ? "CMD-SHELL" : "CMD"};
      made.test.insert(made.test.end(), check.command.words.begin(), check.command.words.end());
      made.interval = absl::ToInt64Nanoseconds(check.interval);
      made.timeout = absl::ToInt64Nanoseconds(check.timeout);
      made.start_period = absl::ToInt64Nanoseconds(check.start_period);
      made.start_interval = absl::ToInt64Nanoseconds(check.start_interval);
      made.retries = check.retries;
    }
    std::string text = absl::StrCat("HEALTHCHECK &{", GoList(made.test));
    for (const absl::Duration time :
         {check.interval, check.timeout, check.start_period, check.start_interval}) {
      absl::StrAppend(&text, " \"", FormatGoDuration(time), "\"");
    }
    absl::StrAppend(&text, " '\\x", absl::Hex(check.retries, absl::kZeroPad2), "'}");
    config().healthcheck = std::move(made);
    return Note(std::move(text));
  }

  absl::Status Apply(const Instruction&, const Maintainer& maintainer) {
    plan_.config.author = maintainer.name;
    return Note(absl::StrCat("MAINTAINER ", maintainer.name));
  }

  absl::Status Apply(const Instruction&, const OnBuild& trigger) {
    config().on_build.push_back(trigger.instruction);
    return Note(absl::StrCat("ONBUILD ", trigger.instruction));
  }

  const PlanInputs& inputs_;
  StagePlan& plan_;
  bool cmd_set_ = false;
};

void StartFromImage(const PlanInputs& inputs, const BaseImage& base, StagePlan& plan) {
  plan.base = base;
  plan.config = base.config;
  plan.base_history = base.config.history;
  // As BuildKit: PATH is always set.
  std::vector<std::string>& env = plan.config.config.env;
  if (FindByName(env, "PATH") == nullptr) env.emplace_back(oci::kDefaultPath);
  for (const std::string& entry : inputs.environment) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    oci::SetEnv(pair.first, pair.second, &env);
  }
  if (base.id.empty()) {
    plan.config.config.working_dir = "/";
    const oci::Platform platform = plan.node.platform.value_or(inputs.global->inputs().target_platform);
    plan.config.architecture = platform.architecture;
    plan.config.variant = platform.variant;
    plan.config.os = platform.os;
  }
  plan.scope = std::make_shared<StageScope>(*inputs.global, plan.config.config.env);
}

}  // namespace

absl::StatusOr<StagePlan> PlanStage(const PlanInputs& inputs, int index, const BaseImage* base,
                                    const StagePlan* below) {
  StagePlan plan;
  plan.node = inputs.graph->stages[static_cast<size_t>(index)];
  const Stage& stage = inputs.file->stages[static_cast<size_t>(index)];
  if (inputs.graph->needed.size() > 1) {
    plan.label = plan.node.name.empty() ? absl::StrCat("stage-", index) : plan.node.name;
  }
  if (below != nullptr) {
    plan.config = below->config;
    plan.scope = std::make_shared<StageScope>(*inputs.global, *below->scope, plan.config.config.env);
  } else {
    StartFromImage(inputs, *base, plan);
  }
  plan.config.diff_ids.clear();
  plan.config.history.clear();
  const std::vector<std::string> triggers = std::move(plan.config.config.on_build);
  plan.config.config.on_build.clear();
  Planner planner(inputs, plan);
  if (below == nullptr && plan.node.base.kind == SourceRef::Kind::kContext && base->id.empty())
    planner.CopyContext(stage.from);
  for (const std::string& text : triggers) {
    ASSIGN_OR_RETURN(const Instruction instruction, ParseOnBuildTrigger(text, stage.from.lines));
    RETURN_IF_ERROR(planner.Take(instruction));
  }
  for (const Instruction& instruction : stage.instructions) RETURN_IF_ERROR(planner.Take(instruction));
  return plan;
}

}  // namespace coracle::build
