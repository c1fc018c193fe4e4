// What can be said of one instruction, knowing what stands before it in its stage.
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/suggest.h"
#include "build/linter.h"
#include "build/path_pattern.h"

namespace coracle::build {
namespace {

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

}  // namespace

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

}  // namespace coracle::build
