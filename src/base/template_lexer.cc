#include "base/template_lexer.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "base/utf8.h"

namespace coracle::template_internal {
namespace {

constexpr absl::string_view kBlanks = " \t\r\n";

bool IsBlank(char c) { return kBlanks.find(c) != absl::string_view::npos; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// Letters beyond ASCII are letters to Go too; which of them are, we do not ask.
bool IsWordByte(char c) {
  return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsSurrogate(uint32_t code) { return code >= 0xd800 && code <= 0xdfff; }

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

absl::Status TemplateError(Position position, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat("template: ", position.line, ":", position.column, ": ", message));
}

namespace {

class Lexer {
 public:
  explicit Lexer(absl::string_view text) : rest_(text) {}

  absl::StatusOr<std::vector<Token>> Run() {
    bool trim = false;
    while (!rest_.empty()) {
      RETURN_IF_ERROR(Text(trim));
      if (rest_.empty()) break;
      trim = false;
      RETURN_IF_ERROR(Action(trim));
    }
    Add(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void Advance(size_t n) {
    for (const char c : rest_.substr(0, n)) {
      if (c == '\n') {
        ++here_.line;
        here_.column = 1;
      } else {
        ++here_.column;
      }
    }
    rest_.remove_prefix(n);
  }
  void Add(Token::Kind kind, std::string text) { tokens_.push_back({kind, here_, std::move(text)}); }
  absl::Status Error(absl::string_view message) const { return TemplateError(here_, message); }

  // Text up to the next "{{"; `trim` its beginning.
  absl::Status Text(bool trim) {
    const size_t open = std::min(rest_.find("{{"), rest_.size());
    absl::string_view text = rest_.substr(0, open);
    const absl::string_view behind = rest_.substr(open);
    if (trim) text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (behind.size() > 3 && behind[2] == '-' && IsBlank(behind[3])) {
      const size_t last = text.find_last_not_of(kBlanks);
      text = text.substr(0, last == absl::string_view::npos ? 0 : last + 1);
    }
    if (!text.empty()) Add(Token::Kind::kText, std::string(text));
    Advance(open);
    return absl::OkStatus();
  }

  // True at "}}" or " -}}"; its length, and whether the text behind is trimmed.
  bool AtClose(size_t& length, bool& trim) const {
    if (absl::StartsWith(rest_, "}}")) {
      length = 2;
      trim = false;
      return true;
    }
    if (rest_.size() >= 4 && IsBlank(rest_[0]) && absl::StartsWith(rest_.substr(1), "-}}")) {
      length = 4;
      trim = true;
      return true;
    }
    return false;
  }

  absl::Status Comment(bool& trim) {
    const size_t end = rest_.find("*/", 2);
    if (end == absl::string_view::npos) return Error("unclosed comment");
    Advance(end + 2);
    size_t length = 0;
    if (!AtClose(length, trim)) return Error("comment ends before closing delimiter");
    Advance(length);
    return absl::OkStatus();
  }

  absl::Status Action(bool& trim) {
    const bool left_trim = rest_.size() > 3 && rest_[2] == '-' && IsBlank(rest_[3]);
    const size_t start = left_trim ? 4 : 2;
    if (absl::StartsWith(rest_.substr(start), "/*")) {
      Advance(start);
      return Comment(trim);
    }
    Add(Token::Kind::kOpen, "");
    Advance(left_trim ? 3 : 2);
    int parentheses = 0;
    for (;;) {
      size_t length = 0;
      if (AtClose(length, trim)) {
        if (parentheses > 0) return Error("unclosed left paren");
        Add(Token::Kind::kClose, "");
        Advance(length);
        return absl::OkStatus();
      }
      if (rest_.empty()) return Error("unclosed action");
      RETURN_IF_ERROR(Word(parentheses));
    }
  }

  absl::Status Word(int& parentheses) {
    const char c = rest_[0];
    if (IsBlank(c)) return Space();
    switch (c) {
      case '"':
        return QuotedString();
      case '`':
        return RawString();
      case '\'':
        return Char();
      case '$':
        return Named(Token::Kind::kVariable, 0);
      case '(':
        ++parentheses;
        return Symbol(Token::Kind::kLeftParen, 1);
      case ')':
        if (--parentheses < 0) return Error("unexpected right paren");
        return Symbol(Token::Kind::kRightParen, 1);
      case '|':
        return Symbol(Token::Kind::kPipe, 1);
      case ',':
        return Symbol(Token::Kind::kComma, 1);
      case '=':
        return Symbol(Token::Kind::kAssign, 1);
      case ':':
        if (!absl::StartsWith(rest_, ":=")) return Error("expected :=");
        return Symbol(Token::Kind::kDeclare, 2);
      case '.':
        if (rest_.size() > 1 && IsDigit(rest_[1])) return Number();
        if (rest_.size() > 1 && IsWordByte(rest_[1])) return Named(Token::Kind::kField, 1);
        return Symbol(Token::Kind::kDot, 1);
      default:
        break;
    }
    if (c == '+' || c == '-' || IsDigit(c)) return Number();
    if (IsWordByte(c)) return Named(Token::Kind::kIdentifier, 0);
    return Error(absl::StrCat("unexpected '", Printable(rest_.substr(0, 1)), "' in action"));
  }

  absl::Status Symbol(Token::Kind kind, size_t length) {
    Add(kind, std::string(rest_.substr(0, length)));
    Advance(length);
    return absl::OkStatus();
  }

  absl::Status Space() {
    size_t n = 0;
    while (n < rest_.size() && IsBlank(rest_[n])) ++n;
    // The last blank may belong to " -}}".
    if (absl::StartsWith(rest_.substr(n), "-}}")) --n;
    if (n == 0) return Error("unexpected '-' in action");
    Add(Token::Kind::kSpace, "");
    Advance(n);
    return absl::OkStatus();
  }

  // A word; the first `skip` bytes are not part of its text.
  absl::Status Named(Token::Kind kind, size_t skip) {
    size_t n = 1;
    while (n < rest_.size() && IsWordByte(rest_[n])) ++n;
    const absl::string_view behind = rest_.substr(n);
    const bool ends = behind.empty() || IsBlank(behind[0]) ||
                      absl::string_view(".,|:)(").find(behind[0]) != absl::string_view::npos ||
                      absl::StartsWith(behind, "}}");
    if (!ends) return Error(absl::StrCat("bad character '", Printable(behind.substr(0, 1)), "'"));
    Add(kind, std::string(rest_.substr(skip, n - skip)));
    Advance(n);
    return absl::OkStatus();
  }

  absl::Status Number() {
    size_t n = rest_[0] == '+' || rest_[0] == '-' ? 1 : 0;
    while (n < rest_.size() && (IsWordByte(rest_[n]) || rest_[n] == '.' ||
                                ((rest_[n] == '+' || rest_[n] == '-') && n > 0 &&
                                 absl::string_view("eEpP").find(rest_[n - 1]) != absl::string_view::npos))) {
      ++n;
    }
    return Symbol(Token::Kind::kNumber, n);
  }

  absl::Status RawString() {
    const size_t end = rest_.find('`', 1);
    if (end == absl::string_view::npos) return Error("unterminated raw quoted string");
    Add(Token::Kind::kString, std::string(rest_.substr(1, end - 1)));
    Advance(end + 1);
    return absl::OkStatus();
  }

  absl::Status QuotedString() {
    std::string value;
    size_t at = 1;
    while (at < rest_.size() && rest_[at] != '"') {
      if (rest_[at] == '\n') return Error("unterminated quoted string");
      if (rest_[at] != '\\') {
        value += rest_[at++];
        continue;
      }
      uint32_t code = 0;
      bool is_byte = false;
      if (!Escape(at, '"', code, is_byte)) return Error("invalid escape in string");
      if (is_byte) {
        value += static_cast<char>(code);
      } else {
        AppendCodePoint(value, code);
      }
    }
    if (at >= rest_.size()) return Error("unterminated quoted string");
    Add(Token::Kind::kString, std::move(value));
    Advance(at + 1);
    return absl::OkStatus();
  }

  absl::Status Char() {
    size_t at = 1;
    uint32_t code = 0;
    bool is_byte = false;
    if (at < rest_.size() && rest_[at] == '\\') {
      if (!Escape(at, '\'', code, is_byte)) return Error("invalid escape in character constant");
    } else if (at < rest_.size() && rest_[at] != '\'' && rest_[at] != '\n') {
      absl::string_view behind = rest_.substr(at);
      code = TakeCodePoint(behind);
      at = rest_.size() - behind.size();
    }
    if (at == 1 || at >= rest_.size() || rest_[at] != '\'') return Error("malformed character constant");
    Add(Token::Kind::kChar, absl::StrCat(code));
    Advance(at + 1);
    return absl::OkStatus();
  }

  // An escape sequence at rest_[at], moved past. `is_byte` for \x and \ooo, which name bytes.
  bool Escape(size_t& at, char quote, uint32_t& code, bool& is_byte) const {
    if (at + 1 >= rest_.size()) return false;
    const char kind = rest_[at + 1];
    at += 2;
    static constexpr absl::string_view kLetters = "abfnrtv\\";
    static constexpr absl::string_view kValues = "\a\b\f\n\r\t\v\\";
    const size_t simple = kLetters.find(kind);
    if (simple != absl::string_view::npos || kind == quote) {
      code = static_cast<uint32_t>(simple == absl::string_view::npos ? quote : kValues[simple]);
      return true;
    }
    if (kind >= '0' && kind <= '7') {
      --at;
      return Digits(at, 3, 8, code, is_byte) && code <= 0xff;
    }
    if (kind == 'x') return Digits(at, 2, 16, code, is_byte);
    if (kind == 'u') return Digits(at, 4, 16, code, is_byte) && !(is_byte = false) && !IsSurrogate(code);
    if (kind == 'U')
      return Digits(at, 8, 16, code, is_byte) && !(is_byte = false) && code <= 0x10ffff && !IsSurrogate(code);
    return false;
  }

  bool Digits(size_t& at, int count, int base, uint32_t& code, bool& is_byte) const {
    code = 0;
    is_byte = true;
    for (int i = 0; i < count; ++i, ++at) {
      if (at >= rest_.size()) return false;
      const int digit = HexValue(rest_[at]);
      if (digit < 0 || digit >= base) return false;
      code = code * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
    }
    return true;
  }

  absl::string_view rest_;
  Position here_;
  std::vector<Token> tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text) { return Lexer(text).Run(); }

}  // namespace coracle::template_internal
