#include "build/glob_match.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"

namespace coracle::build {
namespace {

// Matching steps over all starting points of one pattern.
constexpr size_t kMaxSteps = size_t{1} << 26;

// A character is a whole UTF-8 sequence, so that "?" takes one; a stray byte is a character by itself.
using Characters = std::vector<absl::string_view>;

struct Token {
  enum class Kind { kLiteral, kAny, kStar } kind = Kind::kLiteral;
  absl::string_view literal;
};

size_t SequenceLength(absl::string_view text) {
  const unsigned char lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  if (length > text.size()) return 1;
  for (size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
  return length;
}

Characters Split(absl::string_view text) {
  Characters out;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

absl::StatusOr<std::vector<Token>> ReadPattern(absl::string_view pattern) {
  std::vector<Token> out;
  const Characters characters = Split(pattern);
  for (size_t i = 0; i < characters.size(); ++i) {
    const absl::string_view c = characters[i];
    if (c == "*") {
      if (out.empty() || out.back().kind != Token::Kind::kStar) out.push_back({Token::Kind::kStar, {}});
    } else if (c == "?") {
      out.push_back({Token::Kind::kAny, {}});
    } else if (c == "\\") {
      if (++i == characters.size()) return absl::InvalidArgumentError("pattern ends in an escape");
      const absl::string_view escaped = characters[i];
      if (escaped != "}" && escaped != "/" && escaped != "*" && escaped != "?" && escaped != "\\")
        return absl::InvalidArgumentError(absl::StrCat("invalid escape '\\", escaped, "' in a pattern"));
      out.push_back({Token::Kind::kLiteral, escaped});
    } else {
      out.push_back({Token::Kind::kLiteral, c});
    }
  }
  return out;
}

class Matcher {
 public:
  explicit Matcher(std::vector<Token> tokens) : tokens_(std::move(tokens)), now_(tokens_.size() + 1) {}

  // How many characters of `text` the pattern takes from its beginning on, or nothing.
  absl::StatusOr<std::optional<size_t>> Length(absl::Span<const absl::string_view> text, bool longest) {
    std::optional<size_t> found;
    std::fill(now_.begin(), now_.end(), false);
    Reach(now_, 0);
    for (size_t i = 0;; ++i) {
      if (now_.back()) {
        found = i;
        if (!longest) return found;
      }
      if (i == text.size()) return found;
      steps_ += tokens_.size() + 1;
      if (steps_ > kMaxSteps) return absl::InvalidArgumentError("pattern takes too long to match");
      if (!Step(text[i])) return found;
    }
  }

 private:
  // State `at` is reached; a star may also match nothing.
  void Reach(std::vector<bool>& states, size_t at) const {
    states[at] = true;
    while (at < tokens_.size() && tokens_[at].kind == Token::Kind::kStar) states[++at] = true;
  }

  // Whether any state is left.
  bool Step(absl::string_view c) {
    std::vector<bool> next(now_.size());
    bool any = false;
    for (size_t s = 0; s < tokens_.size(); ++s) {
      if (!now_[s]) continue;
      const Token& token = tokens_[s];
      if (token.kind == Token::Kind::kLiteral ? c != token.literal : c == "\n") continue;
      Reach(next, token.kind == Token::Kind::kStar ? s : s + 1);
      any = true;
    }
    now_ = std::move(next);
    return any;
  }

  const std::vector<Token> tokens_;
  std::vector<bool> now_;
  size_t steps_ = 0;
};

void Append(std::string* out, absl::Span<const absl::string_view> characters) {
  for (const absl::string_view c : characters) out->append(c.data(), c.size());
}

}  // namespace

absl::StatusOr<std::string> WithoutPrefix(absl::string_view value, absl::string_view pattern, bool longest) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, ReadPattern(pattern));
  const Characters characters = Split(value);
  ASSIGN_OR_RETURN(const std::optional<size_t> length,
                   Matcher(std::move(tokens)).Length(characters, longest));
  std::string out;
  Append(&out, absl::MakeConstSpan(characters).subspan(length.value_or(0)));
  return out;
}

absl::StatusOr<std::string> WithoutSuffix(absl::string_view value, absl::string_view pattern, bool longest) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, ReadPattern(pattern));
  // From the end backwards, so that the shortest match at the end is the first that is met.
  std::reverse(tokens.begin(), tokens.end());
  Characters characters = Split(value);
  std::reverse(characters.begin(), characters.end());
  ASSIGN_OR_RETURN(const std::optional<size_t> length,
                   Matcher(std::move(tokens)).Length(characters, longest));
  characters.erase(characters.begin(), characters.begin() + static_cast<ptrdiff_t>(length.value_or(0)));
  std::reverse(characters.begin(), characters.end());
  std::string out;
  Append(&out, characters);
  return out;
}

absl::StatusOr<std::string> ReplaceMatches(absl::string_view value, absl::string_view pattern,
                                           absl::string_view replacement, bool all) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, ReadPattern(pattern));
  const Characters characters = Split(value);
  const absl::Span<const absl::string_view> text = characters;
  Matcher matcher(std::move(tokens));
  std::string out;
  size_t at = 0;
  bool after_match = false;  // an empty match directly behind another is none
  while (at <= text.size()) {
    ASSIGN_OR_RETURN(const std::optional<size_t> length, matcher.Length(text.subspan(at), /*longest=*/true));
    if (length.has_value() && (*length > 0 || !after_match)) {
      out.append(replacement.data(), replacement.size());
      at += *length;
      if (!all) break;
      after_match = *length > 0;
      if (after_match) continue;
    }
    after_match = false;
    if (at < text.size()) Append(&out, text.subspan(at, 1));
    ++at;
  }
  if (at < text.size()) Append(&out, text.subspan(at));
  return out;
}

}  // namespace coracle::build
