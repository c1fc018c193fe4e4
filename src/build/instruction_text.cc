#include "build/instruction_text.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/status.h"
#include "build/expand.h"

namespace coracle::build {
namespace {

constexpr absl::string_view kBlanks = "\t\v\f\r ";

bool IsBlank(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

// Reads the flags of `text` from its beginning; what stays of `text` is the rest.
std::vector<std::string> TakeFlags(absl::string_view* text) {
  std::vector<std::string> flags;
  while (true) {
    *text = absl::StripLeadingAsciiWhitespace(*text);
    if (!absl::StartsWith(*text, "--")) return flags;
    std::string word;
    char quote = '\0';
    size_t at = 0;
    for (; at < text->size() && (quote != '\0' || !IsBlank((*text)[at])); ++at) {
      const char c = (*text)[at];
      if (c == '\\') {
        if (++at == text->size()) break;
        word += (*text)[at];
      } else if (quote != '\0') {
        if (c == quote) {
          quote = '\0';
        } else {
          word += c;
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else {
        word += c;
      }
    }
    text->remove_prefix(std::min(at, text->size()));
    if (word == "--") return flags;
    flags.push_back(std::move(word));
  }
}

std::optional<std::string> NothingSet(absl::string_view) { return std::nullopt; }

// Whether instructions of this name take heredocs.
bool TakesHeredocs(absl::string_view keyword) {
  return absl::EqualsIgnoreCase(keyword, "RUN") || absl::EqualsIgnoreCase(keyword, "COPY") ||
         absl::EqualsIgnoreCase(keyword, "ADD");
}

}  // namespace

InstructionText SplitInstruction(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  const size_t end = line.find_first_of(kBlanks);
  InstructionText out;
  out.keyword = std::string(line.substr(0, end));
  if (end == absl::string_view::npos) return out;
  absl::string_view rest = line.substr(end);
  out.flags = TakeFlags(&rest);
  out.rest = std::string(absl::StripAsciiWhitespace(rest));
  return out;
}

absl::StatusOr<std::optional<std::vector<std::string>>> JsonWords(absl::string_view rest) {
  if (!absl::StartsWith(rest, "[")) return std::nullopt;
  const absl::StatusOr<Json> json = ParseJson(rest);
  if (!json.ok() || !json->is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const Json& value : *json) {
    const std::string* text = value.get_ptr<const std::string*>();
    if (text == nullptr) return absl::InvalidArgumentError("an array in JSON form must hold strings only");
    words.push_back(*text);
  }
  return words;
}

std::vector<std::string> BlankSeparated(absl::string_view rest) {
  return absl::StrSplit(rest, absl::ByAnyChar(kBlanks), absl::SkipEmpty());
}

std::vector<std::string> QuotedWords(absl::string_view rest, char escape) {
  std::vector<std::string> words;
  std::string word;
  bool any = false;  // also for "": a word without letters
  char quote = '\0';
  for (size_t at = 0; at < rest.size(); ++at) {
    const char c = rest[at];
    if (quote == '\0' && IsBlank(c)) {
      if (any) words.push_back(std::exchange(word, ""));
      any = false;
      continue;
    }
    if (c == escape && quote != '\'') {
      if (at + 1 == rest.size()) continue;  // an escape at the very end says nothing
      word += c;
      word += rest[++at];
      any = true;
      continue;
    }
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"') {
      quote = c;
    }
    word += c;
    any = true;
  }
  if (any) words.push_back(std::move(word));
  return words;
}

std::optional<Heredoc> HeredocWord(absl::string_view word) {
  while (!word.empty() && absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) word.remove_prefix(1);
  if (!absl::ConsumePrefix(&word, "<<")) return std::nullopt;
  Heredoc heredoc;
  heredoc.strip_tabs = absl::ConsumePrefix(&word, "-");
  if (word.empty() || absl::StrContains(word, '<')) return std::nullopt;
  ExpandOptions plain;
  plain.keep_unset = true;
  const absl::StatusOr<std::vector<std::string>> name = ExpandWords(word, NothingSet, plain);
  if (!name.ok() || name->size() != 1) return std::nullopt;
  ExpandOptions raw = plain;
  raw.keep_quotes = raw.keep_escapes = true;
  const absl::StatusOr<std::vector<std::string>> quoted = ExpandWords(word, NothingSet, raw);
  heredoc.name = name->front();
  // Quoted in any part: the content is not expanded.
  heredoc.expand = quoted.ok() && *quoted == *name;
  return heredoc;
}

std::vector<Heredoc> HeredocsOf(absl::string_view line) {
  std::vector<Heredoc> out;
  if (!absl::StrContains(line, "<<")) return out;
  InstructionText text = SplitInstruction(line);
  if (absl::EqualsIgnoreCase(text.keyword, "ONBUILD")) text = SplitInstruction(std::string(text.rest));
  if (!TakesHeredocs(text.keyword)) return out;
  const auto json = JsonWords(text.rest);
  if (!json.ok() || json->has_value()) return out;
  ExpandOptions raw;
  raw.keep_quotes = raw.keep_escapes = raw.keep_unset = true;
  const absl::StatusOr<std::vector<std::string>> words = ExpandWords(line, NothingSet, raw);
  if (!words.ok()) return out;  // a quote without its end: the shell's business
  for (const std::string& word : *words) {
    std::optional<Heredoc> heredoc = HeredocWord(word);
    if (heredoc.has_value()) out.push_back(*std::move(heredoc));
  }
  return out;
}

}  // namespace coracle::build
