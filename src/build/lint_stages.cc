// What can be said of stages, their names and bases, and of the file as a whole.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "base/status.h"
#include "base/suggest.h"
#include "build/instruction_text.h"
#include "build/linter.h"
#include "oci/reference.h"

namespace coracle::build {

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

}  // namespace coracle::build
