#include "build/scope.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "build/run_mount.h"

namespace coracle::build {
namespace {

constexpr absl::string_view kProxies[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"};

// A platform's parts under their five names.
void SetPlatform(absl::string_view prefix, const oci::Platform& platform, Environment* out) {
  out->Set(absl::StrCat(prefix, "PLATFORM"), oci::PlatformName(platform));
  out->Set(absl::StrCat(prefix, "OS"), platform.os);
  out->Set(absl::StrCat(prefix, "OSVERSION"), platform.os_version);
  out->Set(absl::StrCat(prefix, "ARCH"), platform.architecture);
  out->Set(absl::StrCat(prefix, "VARIANT"), platform.variant);
}

absl::Status SuggestName(const absl::Status& status, const std::vector<std::string>& unset,
                         const Environment& known) {
  std::vector<absl::string_view> names;
  for (const auto& [name, value] : known.entries()) names.push_back(name);
  for (const std::string& name : unset) {
    const absl::string_view nearest = Nearest(name, names);
    if (!nearest.empty()) return WithHint(status, absl::StrCat("did you mean $", nearest, "?"));
    return WithHint(status, absl::StrCat("no ARG before the first FROM sets ", Printable(name)));
  }
  return status;
}

}  // namespace

bool IsProxyArgument(absl::string_view name) {
  return std::any_of(std::begin(kProxies), std::end(kProxies),
                     [&](absl::string_view proxy) { return absl::EqualsIgnoreCase(proxy, name); });
}

void Environment::Set(absl::string_view name, absl::string_view value) {
  for (auto& [key, old] : entries_) {
    if (key == name) {
      old = std::string(value);
      return;
    }
  }
  entries_.emplace_back(name, value);
}

std::optional<std::string> Environment::Get(absl::string_view name) const {
  for (const auto& [key, value] : entries_)
    if (key == name) return value;
  return std::nullopt;
}

absl::StatusOr<GlobalScope> GlobalScope::Make(const Dockerfile& file, ScopeInputs inputs) {
  GlobalScope scope;
  scope.inputs_ = std::move(inputs);
  scope.escape_ = file.escape;
  SetPlatform("BUILD", scope.inputs_.build_platform, &scope.variables_);
  SetPlatform("TARGET", scope.inputs_.target_platform, &scope.variables_);
  std::string& target = scope.inputs_.target_stage;
  if (target.empty()) target = file.stages.back().base().name;
  scope.variables_.Set("TARGETSTAGE", target.empty() ? "default" : target);
  for (const auto& [name, value] : scope.inputs_.build_args)
    if (scope.variables_.Get(name).has_value()) scope.variables_.Set(name, value);

  ExpandOptions options;
  options.escape = file.escape;
  for (const Instruction& instruction : file.global_args) {
    for (const Arg::Declaration& declaration : std::get<Arg>(instruction.value).declarations) {
      const auto given = scope.inputs_.build_args.find(declaration.name);
      if (given != scope.inputs_.build_args.end()) {
        scope.variables_.Set(declaration.name, given->second);
      } else if (declaration.value.has_value()) {
        absl::StatusOr<std::string> value = ExpandWord(
            *declaration.value, [&](absl::string_view name) { return scope.variables_.Get(name); }, options);
        if (!value.ok()) {
          return Annotate(AtLines(Annotate(value.status(), "ARG"), instruction.lines),
                          absl::StrCat(Printable(file.name), ":", instruction.lines.first));
        }
        scope.variables_.Set(declaration.name, *value);
      }
    }
  }
  return scope;
}

absl::StatusOr<GlobalScope::Base> GlobalScope::ExpandFrom(const Instruction& from) const {
  const From& value = std::get<From>(from.value);
  Base base;
  ExpandOptions options;
  options.escape = escape_;
  options.unset = &base.unset;
  const auto lookup = [&](absl::string_view name) { return variables_.Get(name); };
  const auto expand = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(base.name, ExpandWord(value.base, lookup, options));
    if (base.name.empty()) {
      return SuggestName(
          absl::InvalidArgumentError(absl::StrCat("base \"", Printable(value.base), "\" is empty")),
          base.unset, variables_);
    }
    if (value.platform.empty()) return absl::OkStatus();
    std::vector<std::string> unset;
    options.unset = &unset;
    ASSIGN_OR_RETURN(const std::string name, ExpandWord(value.platform, lookup, options));
    base.unset.insert(base.unset.end(), unset.begin(), unset.end());
    absl::StatusOr<oci::Platform> platform = oci::ParsePlatform(name);
    if (name.empty())
      platform =
          absl::InvalidArgumentError(absl::StrCat("--platform=", Printable(value.platform), " is empty"));
    if (!platform.ok()) return SuggestName(platform.status(), unset, variables_);
    base.platform = *std::move(platform);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AtLines(Annotate(expand(), "FROM"), from.lines));
  return base;
}

StageScope::StageScope(const GlobalScope& global, const std::vector<std::string>& image_environment)
    : global_(&global) {
  for (const std::string& entry : image_environment) {
    const size_t equals = entry.find('=');
    environment_.Set(entry.substr(0, equals), equals == std::string::npos ? "" : entry.substr(equals + 1));
  }
}

StageScope::StageScope(const GlobalScope& global, const StageScope& base,
                       const std::vector<std::string>& image_environment)
    : StageScope(global, {}) {
  environment_ = base.environment_;
  declared_ = base.declared_;
  declared_values_ = base.declared_values_;
  for (const std::string& entry : image_environment) {
    const size_t equals = entry.find('=');
    environment_.Set(entry.substr(0, equals), equals == std::string::npos ? "" : entry.substr(equals + 1));
  }
}

absl::StatusOr<std::string> StageScope::Word(absl::string_view text) {
  ExpandOptions options;
  options.escape = global_->escape();
  options.unset = &unset_;
  return ExpandWord(
      text, [&](absl::string_view name) { return environment_.Get(name); }, options);
}

absl::Status StageScope::ExpandArg(Arg& arg) {
  for (Arg::Declaration& declaration : arg.declarations) {
    ASSIGN_OR_RETURN(declaration.name, Word(declaration.name));
    const std::string& name = declaration.name;
    const auto& build_args = global_->inputs().build_args;
    const auto given = build_args.find(name);
    if (given != build_args.end()) {
      declaration.value = given->second;
      used_build_arguments_.insert(name);
    } else if (declaration.value.has_value()) {
      ASSIGN_OR_RETURN(declaration.value, Word(*declaration.value));
    } else {
      declaration.value = global_->variables().Get(name);
    }
    if (std::find(declared_.begin(), declared_.end(), name) == declared_.end()) declared_.push_back(name);
    declared_values_[name] = declaration.value.value_or("");
    if (declaration.value.has_value()) environment_.Set(name, *declaration.value);
  }
  return absl::OkStatus();
}

namespace {

using WordFunction = absl::FunctionRef<absl::StatusOr<std::string>(absl::string_view)>;

absl::Status ExpandInPlace(std::string& text, WordFunction word) {
  ASSIGN_OR_RETURN(text, word(text));
  return absl::OkStatus();
}

absl::Status ExpandAll(std::vector<std::string>& texts, WordFunction word) {
  for (std::string& text : texts) RETURN_IF_ERROR(ExpandInPlace(text, word));
  return absl::OkStatus();
}

absl::Status ExpandPairs(std::vector<KeyValue>& pairs, WordFunction word) {
  for (KeyValue& pair : pairs) {
    RETURN_IF_ERROR(ExpandInPlace(pair.key, word));
    RETURN_IF_ERROR(ExpandInPlace(pair.value, word));
    if (pair.key.empty()) return absl::InvalidArgumentError("a name must not be empty");
  }
  return absl::OkStatus();
}

absl::Status ExpandCopy(CopyBase& copy, WordFunction word, WordFunction heredoc_word) {
  RETURN_IF_ERROR(ExpandAll(copy.sources, word));
  for (Heredoc& heredoc : copy.heredocs)
    if (heredoc.expand) RETURN_IF_ERROR(ExpandInPlace(heredoc.content, heredoc_word));
  RETURN_IF_ERROR(ExpandInPlace(copy.destination, word));
  RETURN_IF_ERROR(ExpandInPlace(copy.chown, word));
  RETURN_IF_ERROR(ExpandInPlace(copy.chmod, word));
  return ExpandAll(copy.exclude, word);
}

}  // namespace

absl::StatusOr<Instruction> StageScope::Expand(const Instruction& instruction) {
  Instruction out = instruction;
  const auto lookup = [&](absl::string_view name) { return environment_.Get(name); };
  const auto word = [&](absl::string_view text) { return Word(text); };
  const auto heredoc_word = [&](absl::string_view text) {
    ExpandOptions options;
    options.ignore_quotes = true;
    options.unset = &unset_;
    return ExpandWord(text, lookup, options);
  };
  const auto expand = [&]() -> absl::Status {
    if (auto* arg = std::get_if<Arg>(&out.value)) return ExpandArg(*arg);
    if (auto* env = std::get_if<Env>(&out.value)) {
      // All pairs see what was set before this instruction.
      RETURN_IF_ERROR(ExpandPairs(env->pairs, word));
      for (const KeyValue& pair : env->pairs) environment_.Set(pair.key, pair.value);
      return absl::OkStatus();
    }
    if (auto* label = std::get_if<Label>(&out.value)) return ExpandPairs(label->pairs, word);
    if (auto* run = std::get_if<Run>(&out.value)) {
      for (std::string& mount : run->mounts) {
        ASSIGN_OR_RETURN(mount, ExpandMount(mount, word));
      }
      return MountsOf(*run).status();
    }
    if (auto* copy = std::get_if<Copy>(&out.value)) return ExpandCopy(*copy, word, heredoc_word);
    if (auto* add = std::get_if<Add>(&out.value)) {
      RETURN_IF_ERROR(ExpandInPlace(add->checksum, word));
      return ExpandCopy(*add, word, heredoc_word);
    }
    if (auto* workdir = std::get_if<Workdir>(&out.value)) return ExpandInPlace(workdir->path, word);
    if (auto* user = std::get_if<User>(&out.value)) return ExpandInPlace(user->user, word);
    if (auto* signal = std::get_if<StopSignal>(&out.value)) return ExpandInPlace(signal->signal, word);
    if (auto* volume = std::get_if<Volume>(&out.value)) {
      RETURN_IF_ERROR(ExpandAll(volume->paths, word));
      for (const std::string& path : volume->paths)
        if (path.empty()) return absl::InvalidArgumentError("a path must not be empty");
      return absl::OkStatus();
    }
    if (auto* expose = std::get_if<Expose>(&out.value)) {
      ExpandOptions options;
      options.escape = global_->escape();
      options.unset = &unset_;
      std::vector<std::string> ports;
      for (const std::string& port : expose->ports) {
        ASSIGN_OR_RETURN(std::vector<std::string> words, ExpandWords(port, lookup, options));
        ports.insert(ports.end(), std::make_move_iterator(words.begin()),
                     std::make_move_iterator(words.end()));
      }
      expose->ports = std::move(ports);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AtLines(Annotate(expand(), InstructionName(instruction.value)), instruction.lines));
  return out;
}

std::vector<std::pair<std::string, std::string>> StageScope::DeclaredArguments() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& name : declared_) {
    const std::optional<std::string> now = environment_.Get(name);
    out.emplace_back(name, now.has_value() ? *now : declared_values_.at(name));
  }
  return out;
}

std::vector<std::string> StageScope::TakeUnset() { return std::exchange(unset_, {}); }

absl::StatusOr<std::vector<RunMount>> MountsOf(const Run& run) {
  std::vector<RunMount> out;
  for (const std::string& text : run.mounts) {
    ASSIGN_OR_RETURN(RunMount mount, ParseMount(text));
    out.push_back(std::move(mount));
  }
  return out;
}

}  // namespace coracle::build
