#include "cli/parse.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/size.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "base/time_format.h"

namespace coracle::cli {
namespace {

constexpr int kUsageExitCode = 125;

absl::Status UsageError(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), kUsageExitCode);
}

absl::Status WithSuggestion(absl::Status status, absl::string_view prefix, absl::string_view nearest) {
  if (nearest.empty()) return status;
  return WithHint(std::move(status), absl::StrCat("did you mean '", prefix, nearest, "'?"));
}

// As Go's %q, for the words of an error message.
std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Printable(text), "\""); }

// "-c, --cpu-shares", as pflag names an option.
std::string FlagName(const Option& option) {
  if (option.letter == '\0') return absl::StrCat("--", option.name);
  return absl::StrCat("-", absl::string_view(&option.letter, 1), ", --", option.name);
}

// strconv.ParseInt with base 0: a sign, then decimal or 0x digits.
bool ParseInteger(absl::string_view text, int64_t& value) {
  const absl::string_view digits =
      text.substr(absl::StartsWith(text, "-") || absl::StartsWith(text, "+") ? 1 : 0);
  if (absl::StartsWithIgnoreCase(digits, "0x")) return absl::SimpleHexAtoi(text, &value);
  return !digits.empty() && absl::ascii_isdigit(static_cast<unsigned char>(digits[0])) &&
         absl::SimpleAtoi(text, &value);
}

bool ParseUnsigned(absl::string_view text, uint64_t& value) {
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  if (absl::StartsWithIgnoreCase(text, "0x")) return absl::SimpleHexAtoi(text, &value);
  return absl::SimpleAtoi(text, &value);
}

// Why `value` is not of the type; "" if it is.
std::string TypeProblem(OptionType type, const std::string& value) {
  const auto syntax = [&](absl::string_view function) {
    const size_t sign = value.find_first_not_of("+-");
    const bool is_number = sign <= (type == OptionType::kInt ? 1 : 0) &&
                           value.find_first_not_of("0123456789", sign) == std::string::npos;
    return absl::StrCat(function, ": parsing ", Quoted(value),
                        is_number ? ": value out of range" : ": invalid syntax");
  };
  int64_t integer = 0;
  uint64_t unsigned_integer = 0;
  double number = 0;
  bool ok = true;
  switch (type) {
    case OptionType::kBool:
      ParseBoolWord(value, ok);
      return ok ? "" : syntax("strconv.ParseBool");
    case OptionType::kInt:
      return ParseInteger(value, integer) ? "" : syntax("strconv.ParseInt");
    case OptionType::kUint:
      return ParseUnsigned(value, unsigned_integer) ? "" : syntax("strconv.ParseUint");
    case OptionType::kFloat:
      return absl::SimpleAtod(value, &number) && number - number == 0 ? "" : syntax("strconv.ParseFloat");
    case OptionType::kDuration:
      return ParseGoDuration(value).ok() ? "" : absl::StrCat("invalid duration ", Quoted(value));
    case OptionType::kSize:
      return ParseSize(value).ok() ? "" : absl::StrCat("invalid size ", Quoted(value));
    case OptionType::kString:
    case OptionType::kList:
    case OptionType::kCsvList:
    case OptionType::kOptional:
      return "";
  }
  return "";
}

// One line of RFC 4180, as pflag's StringSlice reads it: fields may stand in double quotes. False if a quote
// is left open or stands in the middle.
bool SplitCsv(absl::string_view text, std::vector<std::string>& fields) {
  if (text.empty()) return true;
  for (;;) {
    std::string field;
    if (absl::ConsumePrefix(&text, "\"")) {
      for (;;) {
        const size_t quote = text.find('"');
        if (quote == absl::string_view::npos) return false;
        absl::StrAppend(&field, text.substr(0, quote));
        text.remove_prefix(quote + 1);
        if (!absl::ConsumePrefix(&text, "\"")) break;
        field += '"';
      }
      if (!text.empty() && text[0] != ',') return false;
    } else {
      const size_t comma = std::min(text.find(','), text.size());
      field = std::string(text.substr(0, comma));
      if (absl::StrContains(field, '"')) return false;
      text.remove_prefix(comma);
    }
    fields.push_back(std::move(field));
    if (!absl::ConsumePrefix(&text, ",")) return true;
  }
}

bool TakesSeparateValue(OptionType type) {
  return type != OptionType::kBool && type != OptionType::kOptional;
}

bool IsHarmless(const Option& option, absl::string_view value) {
  if (option.type == OptionType::kBool && option.harmless.empty()) {
    bool ok = true;
    return !ParseBoolWord(value, ok);
  }
  if (value.empty()) return true;
  for (const absl::string_view harmless : absl::StrSplit(option.harmless, '|', absl::SkipEmpty())) {
    if (value == harmless) return true;
  }
  return false;
}

}  // namespace

bool ParseBoolWord(absl::string_view word, bool& ok) {
  static constexpr absl::string_view kTrue[] = {"1", "t", "T", "TRUE", "true", "True"};
  static constexpr absl::string_view kFalse[] = {"0", "f", "F", "FALSE", "false", "False"};
  ok = true;
  for (const absl::string_view known : kTrue) {
    if (word == known) return true;
  }
  for (const absl::string_view known : kFalse) {
    if (word == known) return false;
  }
  ok = false;
  return false;
}

// One pass over the words, descending the tree at each command name.
class Parser {
 public:
  Parser(const Command& root, absl::Span<const absl::string_view> words) : root_(root), words_(words) {
    result_.path_ = {&root};
    result_.typed_path_ = std::string(root.name);
  }

  ParseResult Run() {
    absl::Status status = ParseWords();
    if (status.ok() && !result_.help_) status = CheckWhole();
    return {std::move(result_), std::move(status)};
  }

 private:
  const Command& current() const { return *result_.path_.back(); }
  bool AtRoot() const { return result_.path_.size() == 1; }

  absl::Status ParseWords() {
    while (next_ < words_.size()) {
      const absl::string_view word = words_[next_++];
      absl::Status status;
      if (options_ended_ || word.size() < 2 || word[0] != '-') {
        status = TakeArgument(word);
      } else if (word == "--") {
        // Before a command's name it only ends the options of this level.
        options_ended_ = current().children.empty();
      } else if (word[1] == '-') {
        status = TakeLong(word);
      } else {
        status = TakeShort(word);
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status TakeArgument(absl::string_view word) {
    if (current().children.empty()) {
      if (current().Has(kStopAtFirstArgument)) options_ended_ = true;
      result_.args_.emplace_back(word);
      return absl::OkStatus();
    }
    const Node* node = FindChild(current(), word);
    if (node == nullptr) return UnknownCommand(word);
    result_.path_.push_back(node->command);
    absl::StrAppend(&result_.typed_path_, " ", node->name);
    return absl::OkStatus();
  }

  absl::Status UnknownCommand(absl::string_view word) const {
    std::vector<absl::string_view> known;
    for (const Node& node : current().children) {
      if (!node.command->Has(kHidden)) known.push_back(node.name);
    }
    return WithSuggestion(
        UsageError(absl::StrCat("unknown command '", Printable(word), "' for '", result_.typed_path_, "'")),
        "", Nearest(word, known));
  }

  // The option of this level or, behind a command, the global one.
  const Option* LookUpLong(absl::string_view name, const Command*& owner) const {
    owner = &current();
    const Option* option = FindOption(current(), name);
    if (option != nullptr || AtRoot()) return option;
    for (const Command* command : result_.path_) {
      if (command->Has(kNoGlobals)) return nullptr;
    }
    owner = &root_;
    return FindOption(root_, name);
  }

  absl::Status UnknownFlag(absl::string_view name) const {
    std::vector<absl::string_view> known;
    for (const OptionSet& set : current().options) {
      for (const Option& option : set) {
        if (!option.hidden) known.push_back(option.name);
      }
    }
    return WithSuggestion(UsageError(absl::StrCat("unknown flag: --", Printable(name))), "--",
                          Nearest(name, known));
  }

  absl::Status TakeLong(absl::string_view word) {
    const absl::string_view body = word.substr(2);
    const size_t equals = body.find('=');
    const absl::string_view name = body.substr(0, equals);
    if (name.empty() || name[0] == '-') return UsageError(absl::StrCat("bad flag syntax: ", Printable(word)));
    const Command* owner = nullptr;
    const Option* typed = LookUpLong(name, owner);
    if (typed == nullptr) return UnknownFlag(name);
    const Option& option = *ResolveAlias(*owner, typed);
    if (equals != absl::string_view::npos) return Store(option, *typed, body.substr(equals + 1));
    if (!TakesSeparateValue(option.type)) return StoreBare(option, *typed);
    if (next_ == words_.size()) return UsageError(absl::StrCat("flag needs an argument: --", name));
    return Store(option, *typed, words_[next_++]);
  }

  absl::Status TakeShort(absl::string_view word) {
    absl::string_view letters = word.substr(1);
    while (!letters.empty()) {
      const char letter = letters[0];
      const Option* typed = FindOption(current(), letter);
      if (typed == nullptr) {
        return UsageError(absl::StrCat("unknown shorthand flag: '", Printable(letters.substr(0, 1)), "' in -",
                                       Printable(letters)));
      }
      const Option& option = *ResolveAlias(current(), typed);
      absl::string_view rest = letters.substr(1);
      if (rest.size() > 1 && rest[0] == '=') return Store(option, *typed, rest.substr(1));
      if (!TakesSeparateValue(option.type)) {
        if (absl::Status status = StoreBare(option, *typed); !status.ok()) return status;
        letters = rest;
        continue;
      }
      if (!rest.empty()) return Store(option, *typed, rest);
      if (next_ == words_.size()) {
        return UsageError(
            absl::StrCat("flag needs an argument: '", Printable(letters), "' in -", Printable(letters)));
      }
      return Store(option, *typed, words_[next_++]);
    }
    return absl::OkStatus();
  }

  absl::Status StoreBare(const Option& option, const Option& typed) {
    return Store(option, typed, option.type == OptionType::kBool ? "true" : option.implied);
  }

  absl::Status Store(const Option& option, const Option& typed, absl::string_view text) {
    const std::string value(text);
    std::string problem = TypeProblem(option.type, value);
    std::vector<std::string> values;
    if (option.type == OptionType::kCsvList && !SplitCsv(value, values)) problem = "misplaced '\"'";
    if (!problem.empty()) {
      return UsageError(
          absl::StrCat("invalid argument ", Quoted(value), " for \"", FlagName(typed), "\" flag: ", problem));
    }
    if (option.type == OptionType::kBool) {
      bool ok = true;
      values = {ParseBoolWord(value, ok) ? "true" : "false"};
    } else if (option.type != OptionType::kCsvList) {
      values = {value};
    }
    if (option.name == "help") {
      result_.help_ |= values.back() == "true";
      return absl::OkStatus();
    }
    Add(option, std::move(values));
    return absl::OkStatus();
  }

  void Add(const Option& option, std::vector<std::string> values) {
    for (ParsedCommand::Setting& setting : result_.settings_) {
      if (setting.option != &option) continue;
      for (std::string& value : values) setting.values.push_back(std::move(value));
      return;
    }
    result_.settings_.push_back({&option, std::move(values)});
  }

  // What can be said only when all is read.
  absl::Status CheckWhole() const {
    for (const ParsedCommand::Setting& setting : result_.settings_) {
      if (!setting.option->unsupported) continue;
      for (const std::string& value : setting.values) {
        if (IsHarmless(*setting.option, value)) continue;
        const std::string shown = setting.option->harmless.empty() ? "" : absl::StrCat("=", Printable(value));
        return WithExitCode(absl::UnimplementedError(
                                absl::StrCat("--", setting.option->name, shown, " is not supported yet")),
                            kUsageExitCode);
      }
    }
    if (!current().children.empty()) return absl::OkStatus();
    return CheckArgumentCount();
  }

  absl::Status CheckArgumentCount() const {
    const Command& command = current();
    int least = command.min_args;
    for (const absl::string_view waiver : absl::StrSplit(command.args_waived_by, ',', absl::SkipEmpty())) {
      if (result_.WasSet(waiver)) least = 0;
    }
    const int count = static_cast<int>(result_.args_.size());
    const auto plural = [](int n) { return absl::StrCat(n, n == 1 ? " argument" : " arguments"); };
    if (count >= least && (command.max_args < 0 || count <= command.max_args)) return absl::OkStatus();
    const absl::string_view bound =
        least == command.max_args ? "exactly " : (count < least ? "at least " : "at most ");
    if (command.max_args == 0)
      return UsageError(absl::StrCat("'", result_.typed_path_, "' takes no arguments"));
    return UsageError(absl::StrCat("'", result_.typed_path_, "' needs ", bound,
                                   plural(count < least ? least : command.max_args)));
  }

  const Command& root_;
  absl::Span<const absl::string_view> words_;
  size_t next_ = 0;
  bool options_ended_ = false;
  ParsedCommand result_;
};

ParseResult Parse(const Command& root, absl::Span<const absl::string_view> words) {
  return Parser(root, words).Run();
}

const Option& ParsedCommand::OptionNamed(absl::string_view name) const {
  for (size_t i = path_.size(); i-- > 1;) {
    const Option* option = FindOption(*path_[i], name);
    if (option != nullptr) return *ResolveAlias(*path_[i], option);
  }
  fprintf(stderr, "%s has no option --%s\n", typed_path_.c_str(), std::string(name).c_str());
  abort();
}

const std::vector<std::string>* ParsedCommand::ValuesOf(const Option& option) const {
  for (const Setting& setting : settings_) {
    if (setting.option == &option) return &setting.values;
  }
  return nullptr;
}

std::string ParsedCommand::LastValue(const Option& option) const {
  const std::vector<std::string>* values = ValuesOf(option);
  if (values == nullptr || values->empty()) return std::string(option.initial);
  return values->back();
}

bool ParsedCommand::WasSet(absl::string_view name) const { return ValuesOf(OptionNamed(name)) != nullptr; }

bool ParsedCommand::GetBool(absl::string_view name) const { return LastValue(OptionNamed(name)) == "true"; }

std::string ParsedCommand::GetString(absl::string_view name) const { return LastValue(OptionNamed(name)); }

int64_t ParsedCommand::GetInt(absl::string_view name) const {
  int64_t value = 0;
  (void)ParseInteger(GetString(name), value);  // checked when parsed; no initial value is 0
  return value;
}

uint64_t ParsedCommand::GetUint(absl::string_view name) const {
  uint64_t value = 0;
  (void)ParseUnsigned(GetString(name), value);
  return value;
}

double ParsedCommand::GetFloat(absl::string_view name) const {
  double value = 0;
  (void)absl::SimpleAtod(GetString(name), &value);
  return value;
}

std::vector<std::string> ParsedCommand::GetList(absl::string_view name) const {
  const std::vector<std::string>* values = ValuesOf(OptionNamed(name));
  return values == nullptr ? std::vector<std::string>() : *values;
}

namespace {
const Option& GlobalNamed(const ParsedCommand& parsed, absl::string_view name) {
  const Command& root = *parsed.path().front();
  const Option* option = FindOption(root, name);
  if (option == nullptr) {
    fprintf(stderr, "there is no global option --%s\n", std::string(name).c_str());
    abort();
  }
  return *ResolveAlias(root, option);
}
}  // namespace

bool ParsedCommand::GlobalWasSet(absl::string_view name) const {
  return ValuesOf(GlobalNamed(*this, name)) != nullptr;
}

std::string ParsedCommand::GlobalString(absl::string_view name) const {
  return LastValue(GlobalNamed(*this, name));
}

std::vector<std::string> ParsedCommand::GlobalList(absl::string_view name) const {
  const std::vector<std::string>* values = ValuesOf(GlobalNamed(*this, name));
  return values == nullptr ? std::vector<std::string>() : *values;
}

}  // namespace coracle::cli
