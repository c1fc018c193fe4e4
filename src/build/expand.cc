#include "build/expand.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "build/glob_match.h"

namespace coracle::build {
namespace {

// ${a:-${b:-...}} deeper than this is refused.
constexpr int kMaxDepth = 100;

absl::Status SyntaxError(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool IsSpecialParameter(char c) { return absl::string_view("@*#?-$!0").find(c) != absl::string_view::npos; }
bool IsNameCharacter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsBlank(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// Collects words: blanks end one unless they were quoted.
class WordSplitter {
 public:
  void AddQuoted(absl::string_view text) { word_.append(text.data(), text.size()); }
  void AddPlain(absl::string_view text) {
    for (const char c : text) {
      if (IsBlank(c)) {
        End();
      } else {
        word_ += c;
      }
    }
  }
  std::vector<std::string> Take() {
    End();
    return std::move(words_);
  }

 private:
  void End() {
    if (word_.empty()) return;
    words_.push_back(std::move(word_));
    word_.clear();
  }
  std::string word_;
  std::vector<std::string> words_;
};

class Expander {
 public:
  Expander(absl::string_view text, Lookup lookup, const ExpandOptions& options)
      : text_(text), lookup_(lookup), options_(options), keep_escapes_(options.keep_escapes) {}

  // Up to `stop` (which is taken too; '\0': to the end). `words`, if given, gets the text split at blanks.
  absl::StatusOr<std::string> Until(char stop, WordSplitter* words);
  bool AtEnd() const { return at_ == text_.size(); }

 private:
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  char Next() { return AtEnd() ? '\0' : text_[at_++]; }

  absl::StatusOr<std::string> SingleQuoted();
  absl::StatusOr<std::string> DoubleQuoted();
  absl::StatusOr<std::string> Dollar();
  absl::StatusOr<std::string> Braced();
  absl::StatusOr<std::string> WithModifier(const std::string& name, char modifier, bool empty_is_unset);
  absl::StatusOr<std::string> Replaced(const std::string& name);
  absl::StatusOr<std::string> Nested(char stop, bool keep_escapes, absl::string_view missing);
  std::string Name();
  // `asked`: there is no default, so that an unset variable is worth a word.
  std::optional<std::string> Get(const std::string& name, bool asked);
  absl::Status CheckSize(const std::string& out) {
    if (out.size() > kMaxExpandedBytes) return absl::InvalidArgumentError("expands to more than 4 MiB");
    return absl::OkStatus();
  }

  const absl::string_view text_;
  const Lookup lookup_;
  const ExpandOptions& options_;
  bool keep_escapes_;
  size_t at_ = 0;
  int depth_ = 0;
};

void AddOnce(std::vector<std::string>* names, const std::string& name) {
  if (names != nullptr && std::find(names->begin(), names->end(), name) == names->end())
    names->push_back(name);
}

std::optional<std::string> Expander::Get(const std::string& name, bool asked) {
  std::optional<std::string> value = lookup_(name);
  if (value.has_value()) {
    AddOnce(options_.used, name);
  } else if (asked) {
    AddOnce(options_.unset, name);
  }
  return value;
}

absl::StatusOr<std::string> Expander::Until(char stop, WordSplitter* words) {
  std::string out;
  while (!AtEnd()) {
    const char c = Peek();
    if (stop != '\0' && c == stop) {
      Next();
      return out;
    }
    if (c == '$' || (!options_.ignore_quotes && (c == '\'' || c == '"'))) {
      ASSIGN_OR_RETURN(const std::string part, c == '$'   ? Dollar()
                                               : c == '"' ? DoubleQuoted()
                                                          : SingleQuoted());
      absl::StrAppend(&out, part);
      if (words != nullptr) c == '$' ? words->AddPlain(part) : words->AddQuoted(part);
    } else if (c == options_.escape) {
      Next();
      std::string kept(keep_escapes_ ? 1 : 0, c);
      if (!AtEnd()) kept += Next();
      absl::StrAppend(&out, kept);
      if (words != nullptr) words->AddQuoted(kept);
    } else {
      Next();
      out += c;
      if (words != nullptr) words->AddPlain(absl::string_view(&c, 1));
    }
    RETURN_IF_ERROR(CheckSize(out));
  }
  if (stop != '\0') return SyntaxError(absl::StrCat("missing '", absl::string_view(&stop, 1), "'"));
  return out;
}

absl::StatusOr<std::string> Expander::SingleQuoted() {
  const size_t begin = at_;
  Next();
  const size_t end = text_.find('\'', at_);
  if (end == absl::string_view::npos) return SyntaxError("missing closing single quote (')");
  at_ = end + 1;
  return std::string(options_.keep_quotes ? text_.substr(begin, at_ - begin)
                                          : text_.substr(begin + 1, end - begin - 1));
}

absl::StatusOr<std::string> Expander::DoubleQuoted() {
  std::string out;
  Next();
  if (options_.keep_quotes) out += '"';
  while (!AtEnd()) {
    const char c = Peek();
    if (c == '"') {
      Next();
      if (options_.keep_quotes) out += '"';
      return out;
    }
    if (c == '$') {
      ASSIGN_OR_RETURN(const std::string part, Dollar());
      absl::StrAppend(&out, part);
      RETURN_IF_ERROR(CheckSize(out));
      continue;
    }
    Next();
    if (c != options_.escape) {
      out += c;
      continue;
    }
    if (AtEnd()) break;
    // Any other escape stays as it stands, as in a shell.
    const bool special = Peek() == '"' || Peek() == '$' || Peek() == options_.escape;
    if (keep_escapes_ || !special) out += c;
    if (special) out += Next();
  }
  return SyntaxError("missing closing double quote (\")");
}

std::string Expander::Name() {
  if (AtEnd()) return "";
  const size_t begin = at_;
  if (IsDigit(Peek())) {
    while (!AtEnd() && IsDigit(Peek())) Next();
  } else if (IsSpecialParameter(Peek())) {
    Next();
  } else {
    while (!AtEnd() && IsNameCharacter(Peek())) Next();
  }
  return std::string(text_.substr(begin, at_ - begin));
}

absl::StatusOr<std::string> Expander::Dollar() {
  Next();
  if (Peek() == '{' && !AtEnd()) return Braced();
  const std::string name = Name();
  if (name.empty()) return "$";
  std::optional<std::string> value = Get(name, /*asked=*/true);
  if (value.has_value()) return *std::move(value);
  return options_.keep_unset ? absl::StrCat("$", name) : "";
}

absl::StatusOr<std::string> Expander::Braced() {
  Next();
  if (AtEnd()) return SyntaxError("missing '}'");
  if (Peek() == '{' || Peek() == '}' || Peek() == ':') return SyntaxError("bad substitution");
  const std::string name = Name();
  if (AtEnd()) return SyntaxError("missing '}'");
  const char c = Next();
  if (c == '}') {
    std::optional<std::string> value = Get(name, /*asked=*/true);
    if (value.has_value()) return *std::move(value);
    return options_.keep_unset ? absl::StrCat("${", name, "}") : "";
  }
  if (c == '/') return Replaced(name);
  if (c != ':') return WithModifier(name, c, /*empty_is_unset=*/false);
  if (AtEnd()) return SyntaxError("missing '}'");
  return WithModifier(name, Next(), /*empty_is_unset=*/true);
}

absl::StatusOr<std::string> Expander::Nested(char stop, bool keep_escapes, absl::string_view missing) {
  if (depth_ >= kMaxDepth) return SyntaxError("substitutions are nested too deeply");
  ++depth_;
  const bool before = std::exchange(keep_escapes_, keep_escapes);
  absl::StatusOr<std::string> out = Until(stop, nullptr);
  keep_escapes_ = before;
  --depth_;
  if (!out.ok() && AtEnd()) return SyntaxError(missing);
  return out;
}

absl::StatusOr<std::string> Expander::WithModifier(const std::string& name, char modifier,
                                                   bool empty_is_unset) {
  if (absl::string_view("-+?#%").find(modifier) == absl::string_view::npos) {
    return SyntaxError(absl::StrCat("unsupported modifier (", empty_is_unset ? ":" : "",
                                    absl::string_view(&modifier, 1), ") in substitution"));
  }
  const bool trims = modifier == '#' || modifier == '%';
  ASSIGN_OR_RETURN(std::string word, Nested('}', /*keep_escapes=*/trims, "missing '}'"));
  std::optional<std::string> value = Get(name, /*asked=*/trims);
  const bool unset = !value.has_value() || (empty_is_unset && value->empty());
  if (!value.has_value() && options_.keep_unset) {
    return absl::StrCat("${", name, empty_is_unset ? ":" : "", absl::string_view(&modifier, 1), word, "}");
  }
  switch (modifier) {
    case '-':
      return unset ? word : *std::move(value);
    case '+':
      return unset ? "" : word;
    case '?': {
      if (!unset) return *std::move(value);
      const absl::string_view why =
          value.has_value() ? "is not allowed to be empty" : "is not allowed to be unset";
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", word.empty() ? why : word));
    }
    default: {
      const bool longest = !word.empty() && word[0] == modifier;
      if (longest) word.erase(0, 1);
      return modifier == '#' ? WithoutPrefix(value.value_or(""), word, longest)
                             : WithoutSuffix(value.value_or(""), word, longest);
    }
  }
}

absl::StatusOr<std::string> Expander::Replaced(const std::string& name) {
  const bool all = !AtEnd() && Peek() == '/';
  if (all) Next();
  ASSIGN_OR_RETURN(const std::string pattern, Nested('/', /*keep_escapes=*/true, "missing '/' in ${}"));
  ASSIGN_OR_RETURN(const std::string replacement, Nested('}', /*keep_escapes=*/true, "missing '}'"));
  const std::optional<std::string> value = Get(name, /*asked=*/true);
  if (!value.has_value() && options_.keep_unset)
    return absl::StrCat("${", name, all ? "//" : "/", pattern, "/", replacement, "}");
  return ReplaceMatches(value.value_or(""), pattern, replacement, all);
}

}  // namespace

absl::StatusOr<std::string> ExpandWord(absl::string_view text, Lookup lookup, const ExpandOptions& options) {
  return Expander(text, lookup, options).Until('\0', nullptr);
}

absl::StatusOr<std::vector<std::string>> ExpandWords(absl::string_view text, Lookup lookup,
                                                     const ExpandOptions& options) {
  WordSplitter words;
  RETURN_IF_ERROR(Expander(text, lookup, options).Until('\0', &words).status());
  return words.Take();
}

}  // namespace coracle::build
