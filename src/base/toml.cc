#include "base/toml.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "toml.hpp"

namespace coracle {
namespace {

using Value = toml::basic_value<toml::discard_comments, std::map, std::vector>;

absl::Status Malformed(size_t line, absl::string_view detail) {
  return absl::InvalidArgumentError(
      absl::StrCat("malformed TOML in line ", line, detail.empty() ? "" : ": ", detail));
}

// What the parser itself has no limits for, found without building anything: nesting, and dots in one key.
class ShapeCheck {
 public:
  explicit ShapeCheck(absl::string_view text) : text_(text) {}

  absl::Status Run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        SkipComment();
      } else if (c == '"' || c == '\'') {
        SkipString(c);
      } else {
        Count(c);
        ++at_;
      }
      if (depth_ > kMaxTomlDepth || dots_ > kMaxTomlDepth) {
        return Malformed(line_, absl::StrCat("nested deeper than ", kMaxTomlDepth, " levels"));
      }
    }
    return absl::OkStatus();
  }

 private:
  void Count(char c) {
    if (c == '\n') ++line_;
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (c == '.') ++dots_;
    if (absl::string_view("\n[]{}=,").find(c) != absl::string_view::npos) dots_ = 0;
  }
  void SkipComment() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void SkipString(char quote) {
    const std::string three(3, quote);
    const bool multi_line = absl::StartsWith(text_.substr(at_), three);
    const absl::string_view end = absl::string_view(three).substr(0, multi_line ? 3 : 1);
    at_ += end.size();
    while (at_ < text_.size() && !absl::StartsWith(text_.substr(at_), end)) {
      if (text_[at_] == '\n' && !multi_line) return;  // not closed: the parser will say so
      if (text_[at_] == '\\' && quote == '"') ++at_;
      if (at_ < text_.size() && text_[at_] == '\n') ++line_;
      ++at_;
    }
    at_ = std::min(at_ + end.size(), text_.size());
  }

  absl::string_view text_;
  size_t at_ = 0;
  size_t line_ = 1;
  int depth_ = 0;
  int dots_ = 0;
};

// TOML is UTF-8 without control characters; the parser runs past the end of some sequences that are not.
absl::Status CheckCharacters(absl::string_view text) {
  size_t line = 1;
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte == '\n') ++line;
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
      return Malformed(line, "control character");
    }
    const size_t before = text.size();
    if (TakeCodePoint(text) == kReplacementCharacter && before - text.size() == 1) {
      return Malformed(line, "not UTF-8");
    }
  }
  return absl::OkStatus();
}

size_t LargestTable(const Value& value) {
  size_t largest = 0;
  if (value.is_array()) {
    for (const Value& element : value.as_array()) largest = std::max(largest, LargestTable(element));
  } else if (value.is_table()) {
    largest = value.as_table().size();
    for (const auto& [key, member] : value.as_table()) largest = std::max(largest, LargestTable(member));
  }
  return largest;
}

Json ToJson(const Value& value) {
  switch (value.type()) {
    case toml::value_t::boolean:
      return value.as_boolean();
    case toml::value_t::integer:
      return value.as_integer();
    case toml::value_t::floating:
      return value.as_floating();
    case toml::value_t::string:
      return value.as_string().str;
    case toml::value_t::array: {
      Json array = Json::array();
      for (const Value& element : value.as_array()) array.push_back(ToJson(element));
      return array;
    }
    case toml::value_t::table: {
      Json object = Json::object();
      for (const auto& [key, member] : value.as_table()) object[key] = ToJson(member);
      return object;
    }
    default: {  // dates and times
      std::ostringstream text;
      text << value;
      return text.str();
    }
  }
}

}  // namespace

absl::StatusOr<Json> ParseToml(absl::string_view text) {
  if (text.size() > kMaxTomlBytes) {
    return absl::InvalidArgumentError(absl::StrCat("TOML longer than ", kMaxTomlBytes, " bytes"));
  }
  RETURN_IF_ERROR(CheckCharacters(text));
  RETURN_IF_ERROR(ShapeCheck(text).Run());
  try {
    std::istringstream stream{std::string(text)};
    const Value document = toml::parse<toml::discard_comments, std::map, std::vector>(stream, "document");
    if (LargestTable(document) > kMaxJsonMembers) {
      return absl::InvalidArgumentError(
          absl::StrCat("TOML table with more than ", kMaxJsonMembers, " members"));
    }
    return ToJson(document);
  } catch (const toml::exception& error) {
    return Malformed(error.location().line(), "");
  } catch (const std::exception&) {
    return absl::InvalidArgumentError("malformed TOML");
  }
}

}  // namespace coracle
