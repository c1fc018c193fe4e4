#include "registry/challenge.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/ascii.h"

namespace coracle::registry {
namespace {

constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxParameters = 32;

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : rest_(text) {}

  bool AtEnd() const { return rest_.empty(); }
  void SkipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  void SkipSpaceAndCommas() {
    SkipSpace();
    while (Take(',')) SkipSpace();
  }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Peek(char c) const { return !rest_.empty() && rest_.front() == c; }
  absl::string_view Token() {
    size_t length = 0;
    while (length < rest_.size() && IsTokenChar(rest_[length])) ++length;
    const absl::string_view token = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return token;
  }
  // token or quoted-string; nothing if neither is there or the quote is not closed.
  std::optional<std::string> Value() {
    if (!Take('"')) {
      // Unquoted URLs are sent by some: everything up to the next comma or space.
      const size_t length = std::min(rest_.find_first_of(", \t\""), rest_.size());
      if (length == 0) return std::nullopt;
      std::string value(rest_.substr(0, length));
      rest_.remove_prefix(length);
      return value;
    }
    std::string value;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      value.push_back(c);
    }
    return std::nullopt;
  }
  absl::string_view rest() const { return rest_; }
  void Reset(absl::string_view rest) { rest_ = rest; }

 private:
  absl::string_view rest_;
};

// name = value, after which another may follow; false, with nothing taken, where no parameter begins.
enum class Parsed { kParameter, kNone, kMalformed };
Parsed TakeParameter(Scanner& scanner, Challenge& challenge) {
  const absl::string_view before = scanner.rest();
  const absl::string_view name = scanner.Token();
  scanner.SkipSpace();
  if (name.empty() || !scanner.Take('=')) {
    scanner.Reset(before);
    return Parsed::kNone;
  }
  scanner.SkipSpace();
  std::optional<std::string> value = scanner.Value();
  if (!value || challenge.parameters.size() == kMaxParameters) return Parsed::kMalformed;
  challenge.parameters.emplace_back(absl::AsciiStrToLower(name), *std::move(value));
  return Parsed::kParameter;
}

}  // namespace

absl::string_view Challenge::Get(absl::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<Challenge> ParseChallenges(absl::string_view value) {
  std::vector<Challenge> challenges;
  Scanner scanner(value);
  scanner.SkipSpaceAndCommas();
  while (!scanner.AtEnd() && challenges.size() < kMaxChallenges) {
    Challenge challenge;
    challenge.scheme = absl::AsciiStrToLower(scanner.Token());
    if (challenge.scheme.empty() || scanner.Peek('=')) break;
    scanner.SkipSpaceAndCommas();
    Parsed parsed;
    while ((parsed = TakeParameter(scanner, challenge)) == Parsed::kParameter) scanner.SkipSpaceAndCommas();
    if (parsed == Parsed::kMalformed) break;
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

}  // namespace coracle::registry
