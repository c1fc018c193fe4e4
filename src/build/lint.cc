#include "build/lint.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "build/instruction_text.h"
#include "build/lint_options.h"
#include "build/path_pattern.h"
#include "oci/reference.h"

namespace coracle::build {
namespace {

struct Rule {
  absl::string_view name;
  absl::string_view description;
  bool experimental = false;
};

constexpr Rule kStageNameCasing = {"StageNameCasing", "Stage names should be lowercase"};
constexpr Rule kFromAsCasing = {"FromAsCasing",
                                "The 'as' keyword should match the case of the 'from' keyword"};
constexpr Rule kNoEmptyContinuation = {"NoEmptyContinuation",
                                       "Empty continuation lines will become errors in a future release"};
constexpr Rule kConsistentInstructionCasing = {
    "ConsistentInstructionCasing",
    "All commands within the Dockerfile should use the same casing (either upper or lower)"};
constexpr Rule kDuplicateStageName = {"DuplicateStageName", "Stage names should be unique"};
constexpr Rule kReservedStageName = {"ReservedStageName", "Reserved words should not be used as stage names"};
constexpr Rule kJsonArgsRecommended = {
    "JSONArgsRecommended",
    "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"};
constexpr Rule kMaintainerDeprecated = {
    "MaintainerDeprecated",
    "The MAINTAINER instruction is deprecated, use a label instead to define an image author"};
constexpr Rule kUndefinedArgInFrom = {"UndefinedArgInFrom", "FROM command must use declared ARGs"};
constexpr Rule kWorkdirRelativePath = {"WorkdirRelativePath",
                                       "Relative workdir without an absolute workdir declared within the "
                                       "build can have unexpected results if the "
                                       "base image changes"};
constexpr Rule kUndefinedVar = {"UndefinedVar", "Variables should be defined before their use"};
constexpr Rule kMultipleInstructions = {
    "MultipleInstructionsDisallowed",
    "Multiple instructions of the same type should not be used in the same stage"};
constexpr Rule kLegacyKeyValue = {"LegacyKeyValueFormat",
                                  "Legacy key/value format with whitespace separator should not be used"};
constexpr Rule kRedundantTargetPlatform = {
    "RedundantTargetPlatform",
    "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"};
constexpr Rule kSecretsUsed = {"SecretsUsedInArgOrEnv",
                               "Sensitive data should not be used in the ARG or ENV commands"};
constexpr Rule kInvalidDefaultArg = {
    "InvalidDefaultArgInFrom", "Default value for global ARG results in an empty or invalid base image name"};
constexpr Rule kFromPlatformConst = {"FromPlatformFlagConstDisallowed",
                                     "FROM --platform flag should not use a constant value"};
constexpr Rule kCopyIgnoredFile = {"CopyIgnoredFile",
                                   "Attempting to Copy file that is excluded by .dockerignore", true};
constexpr Rule kDefinitionDescription = {"InvalidDefinitionDescription",
                                         "Comment for build stage or argument should follow the format: `# "
                                         "<arg/stage name> <description>`. If this is "
                                         "not intended to be a description comment, add an empty line or "
                                         "comment between the instruction and the comment.",
                                         true};
constexpr Rule kExposeProtoCasing = {"ExposeProtoCasing",
                                     "Protocol in EXPOSE instruction should be lowercase"};
constexpr Rule kExposeInvalidFormat = {
    "ExposeInvalidFormat", "IP address and host-port mapping should not be used in EXPOSE instruction"};

bool IsLower(absl::string_view text) { return absl::AsciiStrToLower(text) == text; }
bool IsUpper(absl::string_view text) { return absl::AsciiStrToUpper(text) == text; }

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Printable(text), "\""); }

// Whether one of `words` is `name`, or stands in it between underscores.
bool HasWord(absl::string_view name, absl::Span<const absl::string_view> words) {
  for (const absl::string_view part : absl::StrSplit(name, '_'))
    for (const absl::string_view word : words)
      if (absl::EqualsIgnoreCase(part, word)) return true;
  return false;
}

bool LooksSecret(absl::string_view name) {
  constexpr absl::string_view kSecret[] = {"apikey",   "auth",  "credential", "credentials", "key",
                                           "password", "pword", "passwd",     "secret",      "token"};
  constexpr absl::string_view kHarmless[] = {"public", "file", "version"};
  return HasWord(name, kSecret) && !HasWord(name, kHarmless);
}

bool IsRemote(absl::string_view source) {
  return absl::StrContains(source, "://") || absl::StartsWith(source, "git@");
}

class Linter {
 public:
  Linter(const Dockerfile& file, const LintInputs& inputs, LintOptions options)
      : file_(file), inputs_(inputs), options_(std::move(options)) {}

  absl::Status Run() {
    for (const Lines& lines : file_.empty_continuations)
      Report(kNoEmptyContinuation, lines, "Empty continuation line");
    CheckCasing();
    CheckStageNames();
    CheckDefaultBases();
    for (const Instruction& arg : file_.global_args) CheckDescription(arg);
    for (size_t i = 0; i < file_.stages.size(); ++i) {
      const Stage& stage = file_.stages[i];
      RETURN_IF_ERROR(CheckFrom(stage));
      RETURN_IF_ERROR(CheckStage(static_cast<int>(i)));
    }
    return absl::OkStatus();
  }

  std::vector<Finding> Take() {
    std::stable_sort(findings_.begin(), findings_.end(),
                     [](const Finding& a, const Finding& b) { return a.lines.first < b.lines.first; });
    return std::move(findings_);
  }

 private:
  // What one stage leaves for those built on it.
  struct State {
    std::optional<StageScope> scope;
    bool environment_known = false;
    bool workdir_set = false;
    bool shell_set = false;
  };

  void Report(const Rule& rule, Lines lines, std::string message) {
    if (!options_.Wants(rule.name, rule.experimental)) return;
    findings_.push_back({std::string(rule.name), std::string(rule.description), std::move(message), lines});
  }
  void Report(const Rule& rule, const Instruction& instruction, std::string message) {
    if (!options_.With(instruction.comments).Wants(rule.name, rule.experimental)) return;
    findings_.push_back(
        {std::string(rule.name), std::string(rule.description), std::move(message), instruction.lines});
  }

  void CheckCasing();
  void CheckStageNames();
  void CheckDefaultBases();
  absl::Status CheckFrom(const Stage& stage);
  absl::Status CheckStage(int index);
  void CheckDescription(const Instruction& instruction);
  void CheckInstruction(const Instruction& instruction, State* state);
  void CheckUsedOnce(const Stage& stage);
  void CheckPorts(const Instruction& instruction);
  void CheckSources(const Instruction& instruction);
  void CheckUnset(const Instruction& instruction, State* state);
  State Begin(int index);

  const Dockerfile& file_;
  const LintInputs& inputs_;
  const LintOptions options_;
  std::vector<Finding> findings_;
  std::map<std::string, int> stage_names_;  // the last of each name so far
  std::vector<State> states_;
};

void Linter::CheckCasing() {
  std::vector<const Instruction*> all;
  for (const Stage& stage : file_.stages) {
    all.push_back(&stage.from);
    for (const Instruction& instruction : stage.instructions) all.push_back(&instruction);
  }
  int lower = 0;
  int upper = 0;
  for (const Instruction* instruction : all) {
    if (IsLower(instruction->keyword)) ++lower;
    if (IsUpper(instruction->keyword)) ++upper;
  }
  const bool want_lower = lower > upper;
  for (const Instruction* instruction : all) {
    const std::string& word = instruction->keyword;
    if (want_lower ? IsLower(word) : IsUpper(word)) continue;
    Report(kConsistentInstructionCasing, *instruction,
           absl::StrCat("Command '", word, "' should match the case of the command majority (",
                        want_lower ? "lowercase" : "uppercase", ")"));
  }
}

void Linter::CheckStageNames() {
  std::set<std::string> names;
  for (const Stage& stage : file_.stages) {
    const std::string& name = stage.base().name;
    if (name.empty()) continue;
    const std::vector<std::string> words = BlankSeparated(SplitInstruction(stage.from.original).rest);
    if (words.size() == 3) {
      if (!IsLower(words[2]))
        Report(kStageNameCasing, stage.from, absl::StrCat("Stage name '", words[2], "' should be lowercase"));
      const std::string& from = stage.from.keyword;
      if ((IsLower(from) && !IsLower(words[1])) || (IsUpper(from) && !IsUpper(words[1])))
        Report(kFromAsCasing, stage.from,
               absl::StrCat("'", words[1], "' and '", from, "' keywords' casing do not match"));
    }
    if (name == "scratch" || name == "context") {
      Report(kReservedStageName, stage.from,
             absl::StrCat("Stage name should not use the same name as reserved stage ", Quoted(name)));
    }
    if (!names.insert(name).second) {
      Report(kDuplicateStageName, stage.from,
             absl::StrCat("Duplicate stage name ", Quoted(name), ", stage names should be unique"));
    }
  }
}

void Linter::CheckDefaultBases() {
  ScopeInputs defaults = inputs_.global->inputs();
  defaults.build_args.clear();
  const absl::StatusOr<GlobalScope> global = GlobalScope::Make(file_, std::move(defaults));
  if (!global.ok()) return;  // the build says so
  for (const Stage& stage : file_.stages) {
    From from = stage.base();
    Instruction without_platform = stage.from;
    from.platform.clear();
    without_platform.value = from;
    const auto base = global->ExpandFrom(without_platform);
    if (base.ok() && oci::ImageReference::Parse(base->name).ok()) continue;
    Report(kInvalidDefaultArg, stage.from,
           absl::StrCat("Default value for ARG ", Printable(from.base),
                        " results in empty or invalid base image name"));
  }
}

absl::Status Linter::CheckFrom(const Stage& stage) {
  const From& from = stage.base();
  CheckDescription(stage.from);
  ASSIGN_OR_RETURN(const GlobalScope::Base base, inputs_.global->ExpandFrom(stage.from));
  std::set<std::string> declared;
  for (const auto& [name, value] : inputs_.global->variables().entries()) declared.insert(name);
  for (const Instruction& arg : file_.global_args)
    for (const auto& declaration : std::get<Arg>(arg.value).declarations) declared.insert(declaration.name);
  const std::vector<absl::string_view> known(declared.begin(), declared.end());
  for (const std::string& name : base.unset) {
    if (declared.count(name) != 0) continue;
    const absl::string_view nearest = Nearest(name, known);
    Report(kUndefinedArgInFrom, stage.from,
           absl::StrCat("FROM argument '", name, "' is not declared",
                        nearest.empty() ? "" : absl::StrCat(" (did you mean ", nearest, "?)")));
  }
  if (from.platform == "$TARGETPLATFORM" || from.platform == "${TARGETPLATFORM}") {
    Report(kRedundantTargetPlatform, stage.from,
           absl::StrCat("Setting platform to predefined ", from.platform,
                        " in FROM is redundant as this is the default behavior"));
  }
  // A stage that says in its name for what it is may be made for just that.
  if (base.platform.has_value() && !absl::StrContains(from.platform, '$') &&
      !absl::StrContains(from.name, base.platform->os) &&
      !absl::StrContains(from.name, base.platform->architecture)) {
    Report(kFromPlatformConst, stage.from,
           absl::StrCat("FROM --platform flag should not use constant value ", Quoted(from.platform)));
  }
  return absl::OkStatus();
}

void Linter::CheckDescription(const Instruction& instruction) {
  std::vector<std::string> names;
  if (const auto* arg = std::get_if<Arg>(&instruction.value)) {
    for (const auto& declaration : arg->declarations) names.push_back(declaration.name);
  } else if (const auto* from = std::get_if<From>(&instruction.value);
             from != nullptr && !from->name.empty()) {
    names.push_back(from->name);
  }
  if (names.empty() || instruction.comments.empty()) return;
  const std::string& comment = instruction.comments.back();
  const std::string first = comment.substr(0, comment.find(' '));
  if (std::find(names.begin(), names.end(), first) != names.end()) return;
  Report(kDefinitionDescription, instruction,
         absl::StrCat("Comment for ", InstructionName(instruction.value), " should follow the format: `# ",
                      names.size() == 1 ? names[0] : "<arg_key>", " <description>`"));
}

Linter::State Linter::Begin(int index) {
  State state;
  const auto base = inputs_.global->ExpandFrom(file_.stages[static_cast<size_t>(index)].from);
  const std::string name = base.ok() ? base->name : "";
  const auto earlier = stage_names_.find(absl::AsciiStrToLower(name));
  if (earlier != stage_names_.end()) {
    const State& below = states_[static_cast<size_t>(earlier->second)];
    state.scope.emplace(*inputs_.global, *below.scope, std::vector<std::string>());
    state.environment_known = below.environment_known;
    state.workdir_set = below.workdir_set;
    state.shell_set = below.shell_set;
    return state;
  }
  std::vector<std::string> environment = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  state.environment_known = name == "scratch";
  if (name != "scratch" && inputs_.image_environment) {
    const auto known = inputs_.image_environment(name);
    state.environment_known = known.has_value();
    if (known.has_value()) environment.insert(environment.end(), known->begin(), known->end());
  }
  state.scope.emplace(*inputs_.global, environment);
  return state;
}

absl::Status Linter::CheckStage(int index) {
  const Stage& stage = file_.stages[static_cast<size_t>(index)];
  State state = Begin(index);
  CheckUsedOnce(stage);
  for (const Instruction& instruction : stage.instructions) {
    CheckDescription(instruction);
    CheckInstruction(instruction, &state);
    ASSIGN_OR_RETURN(const Instruction expanded, state.scope->Expand(instruction));
    CheckUnset(instruction, &state);
    if (std::holds_alternative<Expose>(expanded.value)) CheckPorts(expanded);
    CheckSources(expanded);
  }
  if (!stage.base().name.empty()) stage_names_[stage.base().name] = index;
  states_.push_back(std::move(state));
  return absl::OkStatus();
}

void Linter::CheckUsedOnce(const Stage& stage) {
  std::map<std::string, const Instruction*> last;
  for (const Instruction& instruction : stage.instructions) {
    const std::string name(InstructionName(instruction.value));
    if (name != "CMD" && name != "ENTRYPOINT" && name != "HEALTHCHECK") continue;
    const auto [before, first] = last.try_emplace(name, &instruction);
    if (first) continue;
    // The earlier one is the one that is lost.
    Report(kMultipleInstructions, *before->second,
           absl::StrCat(
               "Multiple ", name,
               " instructions should not be used in the same stage because only the last one will be used"));
    before->second = &instruction;
  }
}

void Linter::CheckInstruction(const Instruction& instruction, State* state) {
  const absl::string_view name = InstructionName(instruction.value);
  const auto check_pairs = [&](const std::vector<KeyValue>& pairs) {
    for (const KeyValue& pair : pairs) {
      if (!pair.legacy) continue;
      Report(kLegacyKeyValue, instruction,
             absl::StrCat("\"", name, " key=value\" should be used instead of legacy \"", name,
                          " key value\" format"));
    }
  };
  const auto check_secret = [&](absl::string_view key) {
    if (!LooksSecret(key)) return;
    Report(
        kSecretsUsed, instruction,
        absl::StrCat("Do not use ARG or ENV instructions for sensitive data (", name, " ", Quoted(key), ")"));
  };
  const auto check_program = [&](const CommandLine& command) {
    if (!command.shell_form || state->shell_set) return;
    Report(kJsonArgsRecommended, instruction,
           absl::StrCat("JSON arguments recommended for ", name,
                        " to prevent unintended behavior related to OS signals"));
  };
  if (const auto* env = std::get_if<Env>(&instruction.value)) {
    check_pairs(env->pairs);
    for (const KeyValue& pair : env->pairs) check_secret(pair.key);
  } else if (const auto* label = std::get_if<Label>(&instruction.value)) {
    check_pairs(label->pairs);
  } else if (const auto* arg = std::get_if<Arg>(&instruction.value)) {
    for (const auto& declaration : arg->declarations) check_secret(declaration.name);
  } else if (const auto* cmd = std::get_if<Cmd>(&instruction.value)) {
    check_program(cmd->command);
  } else if (const auto* entrypoint = std::get_if<Entrypoint>(&instruction.value)) {
    check_program(entrypoint->command);
  } else if (std::holds_alternative<Shell>(instruction.value)) {
    state->shell_set = true;
  } else if (std::holds_alternative<Maintainer>(instruction.value)) {
    Report(kMaintainerDeprecated, instruction,
           "Maintainer instruction is deprecated in favor of using label");
  } else if (const auto* workdir = std::get_if<Workdir>(&instruction.value)) {
    const absl::StatusOr<std::string> path =
        ExpandWord(workdir->path, [&](absl::string_view n) { return state->scope->environment().Get(n); });
    if (!state->workdir_set && path.ok() && !absl::StartsWith(*path, "/")) {
      Report(kWorkdirRelativePath, instruction,
             absl::StrCat("Relative workdir ", Quoted(*path),
                          " can have unexpected results if the base image changes"));
    }
    state->workdir_set = true;
  }
}

void Linter::CheckUnset(const Instruction& instruction, State* state) {
  const std::vector<std::string> unset = state->scope->TakeUnset();
  if (unset.empty() || !state->environment_known) return;
  std::set<std::string> declared;
  for (const auto& [name, value] : state->scope->DeclaredArguments()) declared.insert(name);
  std::vector<absl::string_view> known;
  for (const auto& [name, value] : state->scope->environment().entries()) known.push_back(name);
  for (const std::string& name : unset) {
    if (declared.count(name) != 0) continue;
    const absl::string_view nearest = Nearest(name, known);
    Report(kUndefinedVar, instruction,
           absl::StrCat("Usage of undefined variable '$", Printable(name), "'",
                        nearest.empty() ? "" : absl::StrCat(" (did you mean $", nearest, "?)")));
  }
}

void Linter::CheckPorts(const Instruction& instruction) {
  for (const std::string& port : std::get<Expose>(instruction.value).ports) {
    const size_t slash = port.find('/');
    if (slash != std::string::npos && !IsLower(port.substr(slash + 1))) {
      Report(
          kExposeProtoCasing, instruction,
          absl::StrCat("Defined protocol '", Printable(port), "' in EXPOSE instruction should be lowercase"));
    }
    if (absl::StrContains(port, ':')) {
      Report(kExposeInvalidFormat, instruction,
             absl::StrCat("EXPOSE instruction should not define an IP address or host-port mapping, found '",
                          Printable(port), "'"));
    }
  }
}

void Linter::CheckSources(const Instruction& instruction) {
  // What patterns take back can't be told from a name.
  if (inputs_.ignore == nullptr || inputs_.ignore->takes_back()) return;
  const CopyBase* copy = nullptr;
  if (const auto* plain = std::get_if<Copy>(&instruction.value)) {
    if (plain->from.empty()) copy = plain;
  } else if (const auto* add = std::get_if<Add>(&instruction.value)) {
    copy = add;
  }
  if (copy == nullptr) return;
  for (const std::string& source : copy->sources) {
    std::string path = CleanPath(source);
    if (path.size() > 1 && path[0] == '/') path.erase(0, 1);
    if (IsRemote(source) || path == "." || path == "/" || !inputs_.ignore->Ignores(path)) continue;
    Report(kCopyIgnoredFile, instruction,
           absl::StrCat("Attempting to ", std::holds_alternative<Copy>(instruction.value) ? "Copy" : "Add",
                        " file ", Quoted(path), " that is excluded by .dockerignore"));
  }
}

}  // namespace

absl::StatusOr<LintReport> Lint(const Dockerfile& file, const LintInputs& inputs) {
  absl::StatusOr<LintOptions> options = LintOptions::Parse(inputs.options.value_or(file.directives.check));
  if (!options.ok())
    return AtLines(options.status(), inputs.options.has_value() ? Lines{} : file.directives.check_lines);
  LintReport report;
  const bool error = options->error;
  Linter linter(file, inputs, *std::move(options));
  const absl::Status status = linter.Run();
  if (!status.ok()) {
    const std::optional<Lines> lines = LinesOf(status);
    return Annotate(status, absl::StrCat(Printable(file.name), ":", lines.has_value() ? lines->first : 1));
  }
  report.findings = linter.Take();
  report.is_error = error && !report.findings.empty();
  return report;
}

std::string FormatLintReport(const Dockerfile& file, const LintReport& report) {
  const size_t count = report.findings.size();
  std::string out =
      count == 0 ? "Check complete, no warnings found.\n"
                 : absl::StrCat("Check complete, ", count,
                                count == 1 ? " warning has been found!\n" : " warnings have been found!\n");
  for (const Finding& finding : report.findings) {
    absl::StrAppend(&out, "\nWARNING: ", finding.rule, "\n", finding.message, "\n",
                    SourceExcerpt(file.name, file.text, finding.lines));
  }
  return out;
}

}  // namespace coracle::build
