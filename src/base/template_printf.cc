#include "base/template_printf.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/utf8.h"

namespace coracle::template_internal {
namespace {

constexpr int kMaxWidth = 1'000'000;  // of Go; more is %!(BADWIDTH)

struct Flags {
  bool plus = false;
  bool minus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  int width = -1;
  int precision = -1;
};

void AppendPadded(std::string& out, const std::string& text, const Flags& flags) {
  const size_t length = CountCodePoints(text);
  const size_t width = flags.width < 0 ? 0 : static_cast<size_t>(flags.width);
  const size_t padding = width > length ? width - length : 0;
  if (!flags.minus) out.append(padding, flags.zero ? '0' : ' ');
  out += text;
  if (flags.minus) out.append(padding, ' ');
}

// What Go's strconv.IsPrint refuses, in large: controls, blanks other than ' ', marks that change the
// direction of text, code points for private use.
bool IsInvisible(uint32_t c) {
  struct Range {
    uint32_t first, last;
  };
  static constexpr Range kRanges[] = {{0x80, 0xa0},       {0xad, 0xad},       {0x2000, 0x200f},
                                      {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},
                                      {0xe000, 0xf8ff},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},
                                      {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff}};
  for (const Range& range : kRanges) {
    if (c >= range.first && c <= range.last) return true;
  }
  return false;
}

std::string Quote(absl::string_view text, char quote, bool ascii_only = false) {
  std::string out(1, quote);
  while (!text.empty()) {
    const absl::string_view before = text;
    const uint32_t c = TakeCodePoint(text);
    const size_t length = before.size() - text.size();
    const bool invalid = c == kReplacementCharacter && length == 1;
    static constexpr absl::string_view kSpecial = "\a\b\f\n\r\t\v";
    static constexpr absl::string_view kLetters = "abfnrtv";
    const size_t special = c < 0x80 ? kSpecial.find(static_cast<char>(c)) : absl::string_view::npos;
    if (c == static_cast<uint32_t>(quote) || c == '\\') {
      absl::StrAppend(&out, "\\", before.substr(0, 1));
    } else if (special != absl::string_view::npos) {
      absl::StrAppend(&out, "\\", kLetters.substr(special, 1));
    } else if (invalid || c < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(before[0]));
    } else if (IsInvisible(c) || (ascii_only && c >= 0x80)) {
      if (c > 0xffff) {
        absl::StrAppendFormat(&out, "\\U%08x", c);
      } else {
        absl::StrAppendFormat(&out, "\\u%04x", c);
      }
    } else {
      absl::StrAppend(&out, before.substr(0, length));
    }
  }
  out += quote;
  return out;
}

std::string Digits(uint64_t value, unsigned base, bool upper) {
  const char* const kDigits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits += kDigits[value % base];
    value /= base;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

void AppendInteger(std::string& out, const Json& json, char verb, Flags flags) {
  const bool negative = !json.is_number_unsigned() && json.get<int64_t>() < 0;
  const uint64_t value = negative ? 0 - static_cast<uint64_t>(json.get<int64_t>()) : json.get<uint64_t>();
  unsigned base = 10;
  absl::string_view prefix;
  if (verb == 'b') base = 2;
  if (verb == 'o' || verb == 'O') base = 8;
  if (verb == 'x' || verb == 'X') base = 16;
  if (verb == 'O') prefix = "0o";
  if (flags.sharp && verb == 'o') prefix = "0";
  if (flags.sharp && verb == 'b') prefix = "0b";
  if (flags.sharp && base == 16) prefix = verb == 'x' ? "0x" : "0X";
  std::string digits = Digits(value, base, verb == 'X');
  const absl::string_view sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  size_t least = flags.precision < 0 ? 0 : static_cast<size_t>(flags.precision);
  if (flags.precision < 0 && flags.zero && !flags.minus && flags.width > 0) {
    const size_t used = sign.size() + prefix.size();
    least = static_cast<size_t>(flags.width) > used ? static_cast<size_t>(flags.width) - used : 0;
  }
  if (flags.precision == 0 && value == 0) digits.clear();
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  flags.zero = false;
  AppendPadded(out, absl::StrCat(sign, prefix, digits), flags);
}

void AppendCharacter(std::string& out, const Json& json, char verb, Flags flags) {
  const int64_t value = json.get<int64_t>();
  const uint32_t code = value < 0 || value > 0x10ffff ? kReplacementCharacter : static_cast<uint32_t>(value);
  std::string text;
  AppendCodePoint(text, code);
  if (verb == 'q') text = Quote(text, '\'');
  if (verb == 'U') text = absl::StrFormat("U+%04X", value);
  AppendPadded(out, text, flags);
}

void AppendFloat(std::string& out, double number, char verb, Flags flags) {
  std::string text;
  if ((verb == 'v' || verb == 'g' || verb == 'G') && flags.precision < 0) {
    text = PrintFloat(number);
    if (verb == 'G') absl::AsciiStrToUpper(&text);
  } else {
    const char conversion[] = {'%', '.', '*', verb == 'v' ? 'g' : verb, '\0'};
    char buffer[512];
    // The exact decimal expansion of a double has at most 1,074 digits behind the point; 100 are enough for
    // anybody.
    const int precision = flags.precision < 0 ? 6 : std::min(flags.precision, 100);
    snprintf(buffer, sizeof(buffer), conversion, precision, number);
    text = buffer;
  }
  if (text[0] != '-' && text[0] != '+') {
    if (flags.plus) text.insert(0, "+");
    if (flags.space && !flags.plus) text.insert(0, " ");
  }
  const bool has_sign = !absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
  if (flags.zero && !flags.minus && flags.width > static_cast<int>(text.size()) &&
      text.find('n') == std::string::npos) {
    text.insert(has_sign ? 1 : 0, static_cast<size_t>(flags.width) - text.size(), '0');
  }
  flags.zero = false;
  AppendPadded(out, text, flags);
}

void AppendHex(std::string& out, const std::string& text, char verb, const Flags& flags) {
  std::string hex;
  const size_t length =
      flags.precision < 0 ? text.size() : std::min(text.size(), static_cast<size_t>(flags.precision));
  for (size_t i = 0; i < length; ++i) {
    if (flags.space && i > 0) hex += ' ';
    if (flags.sharp && (i == 0 || flags.space)) hex += verb == 'x' ? "0x" : "0X";
    const std::string digits = Digits(static_cast<unsigned char>(text[i]), 16, verb == 'X');
    if (digits.size() < 2) hex += '0';
    hex += digits;
  }
  AppendPadded(out, hex, flags);
}

void AppendString(std::string& out, const std::string& text, char verb, const Flags& flags) {
  if (verb == 'x' || verb == 'X') return AppendHex(out, text, verb, flags);
  std::string shown = text;
  if (flags.precision >= 0) {
    absl::string_view rest = text;
    for (int i = 0; i < flags.precision && !rest.empty(); ++i) TakeCodePoint(rest);
    shown.resize(text.size() - rest.size());
  }
  const bool quoted = verb == 'q' || (verb == 'v' && flags.sharp);
  const bool raw =
      quoted && verb == 'q' && flags.sharp && shown.find_first_of("`\n\x7f") == std::string::npos;
  if (raw) {
    shown = absl::StrCat("`", shown, "`");
  } else if (quoted) {
    shown = Quote(shown, '"', /*ascii_only=*/flags.plus && verb == 'q');
  }
  AppendPadded(out, shown, flags);
}

void AppendArgument(std::string& out, const Value& value, char verb, const Flags& flags);

void AppendBad(std::string& out, const Value& value, char verb) {
  absl::StrAppend(&out, "%!", absl::string_view(&verb, 1), "(");
  if (value.is_null()) {
    absl::StrAppend(&out, "<nil>)");
    return;
  }
  absl::StrAppend(&out, TypeName(value), "=", PrintValue(value), ")");
}

void AppendStructured(std::string& out, const Json& json, char verb, const Flags& flags) {
  const bool go_syntax = verb == 'v' && flags.sharp;
  const absl::string_view separator = go_syntax ? ", " : " ";
  bool first = true;
  if (json.is_array()) {
    out += go_syntax ? "[]interface {}{" : "[";
    for (const Json& element : json) {
      if (!first) absl::StrAppend(&out, separator);
      first = false;
      AppendArgument(out, Value::Borrow(&element), verb, flags);
    }
    out += go_syntax ? "}" : "]";
    return;
  }
  out += go_syntax ? "map[string]interface {}{" : "map[";
  for (const auto& [key, value] : SortedMembers(json)) {
    if (!first) absl::StrAppend(&out, separator);
    first = false;
    const Json name = key;
    AppendArgument(out, Value::Borrow(&name), verb, flags);
    out += ':';
    AppendArgument(out, Value::Borrow(value), verb, flags);
  }
  out += go_syntax ? "}" : "]";
}

void AppendArgument(std::string& out, const Value& value, char verb, const Flags& flags) {
  const auto is = [verb](absl::string_view verbs) { return verbs.find(verb) != absl::string_view::npos; };
  if (verb == 'T') {
    Flags type_flags = flags;
    return AppendString(out, value.is_null() ? "<nil>" : TypeName(value), 's', type_flags);
  }
  if (value.is_null()) {
    if (verb == 'v') return AppendPadded(out, "<nil>", flags);
    return AppendBad(out, value, verb);
  }
  const Json& json = value.json();
  if (json.is_structured()) return AppendStructured(out, json, verb, flags);
  if (json.is_boolean() && is("tv")) return AppendPadded(out, json.get<bool>() ? "true" : "false", flags);
  if (json.is_number_integer() && is("vdbxXoO"))
    return AppendInteger(out, json, verb == 'v' ? 'd' : verb, flags);
  if (json.is_number_integer() && is("cqU")) return AppendCharacter(out, json, verb, flags);
  if (json.is_number_float() && is("veEfFgG")) return AppendFloat(out, json.get<double>(), verb, flags);
  if (json.is_string() && is("vsqxX"))
    return AppendString(out, json.get_ref<const std::string&>(), verb, flags);
  AppendBad(out, value, verb);
}

class Formatter {
 public:
  Formatter(absl::string_view format, absl::Span<const Value> args) : rest_(format), args_(args) {}

  absl::StatusOr<std::string> Run(size_t max_bytes) {
    while (!rest_.empty()) {
      const size_t percent = std::min(rest_.find('%'), rest_.size());
      absl::StrAppend(&out_, rest_.substr(0, percent));
      rest_.remove_prefix(percent);
      if (!rest_.empty()) Directive();
      if (out_.size() > max_bytes) return absl::ResourceExhaustedError("template: text is too long");
    }
    if (!reordered_ && next_ < args_.size()) Extra();
    return std::move(out_);
  }

 private:
  void Directive() {
    rest_.remove_prefix(1);
    bad_index_ = false;
    Flags flags;
    while (!rest_.empty() && SetFlag(rest_[0], flags)) rest_.remove_prefix(1);
    bool ok = true;
    TakeIndex();
    flags.width = Count(ok);
    if (!ok) absl::StrAppend(&out_, "%!(BADWIDTH)");
    if (flags.width < -1) {
      flags.minus = true;
      flags.width = -flags.width;
    }
    if (!rest_.empty() && rest_[0] == '.') {
      rest_.remove_prefix(1);
      TakeIndex();
      flags.precision = Count(ok = true);
      if (!ok || flags.precision < -1) absl::StrAppend(&out_, "%!(BADPREC)");
      if (flags.precision < 0) flags.precision = ok ? 0 : -1;
    }
    TakeIndex();
    if (rest_.empty()) {
      absl::StrAppend(&out_, "%!(NOVERB)");
      return;
    }
    const char verb = rest_[0];
    rest_.remove_prefix(1);
    if (verb == '%') {
      out_ += '%';
    } else if (bad_index_) {
      absl::StrAppend(&out_, "%!", absl::string_view(&verb, 1), "(BADINDEX)");
    } else if (next_ >= args_.size()) {
      absl::StrAppend(&out_, "%!", absl::string_view(&verb, 1), "(MISSING)");
    } else {
      if (verb == 'v') flags.plus = false;  // %+v asks for the names of fields, not for a sign
      AppendArgument(out_, args_[next_++], verb, flags);
    }
  }

  // "[3]": the next argument is the third.
  void TakeIndex() {
    if (rest_.empty() || rest_[0] != '[') return;
    reordered_ = true;
    const size_t close = rest_.find(']');
    uint32_t index = 0;
    const absl::string_view digits = rest_.substr(1, close == absl::string_view::npos ? close : close - 1);
    bad_index_ = close == absl::string_view::npos || !absl::SimpleAtoi(digits, &index) || index < 1 ||
                 index > args_.size();
    rest_.remove_prefix(close == absl::string_view::npos ? 1 : close + 1);
    if (!bad_index_) next_ = index - 1;
  }

  static bool SetFlag(char c, Flags& flags) {
    switch (c) {
      case '+':
        return flags.plus = true;
      case '-':
        return flags.minus = true;
      case '#':
        return flags.sharp = true;
      case ' ':
        return flags.space = true;
      case '0':
        return flags.zero = true;
      default:
        return false;
    }
  }

  // A number or '*' at the front; -1 if there is none; `ok` false if it is no good.
  int Count(bool& ok) {
    if (!rest_.empty() && rest_[0] == '*') {
      rest_.remove_prefix(1);
      if (next_ >= args_.size()) return ok = false, -1;
      const Value& value = args_[next_++];
      ok = !value.is_null() && value.json().is_number_integer();
      const int64_t count = ok ? value.json().get<int64_t>() : -1;
      ok = ok && count <= kMaxWidth && count >= -kMaxWidth;
      return ok ? static_cast<int>(count) : -1;
    }
    int count = -1;
    while (!rest_.empty() && absl::ascii_isdigit(static_cast<unsigned char>(rest_[0]))) {
      if (count <= kMaxWidth) count = std::max(count, 0) * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    ok = count <= kMaxWidth;
    return ok ? count : -1;
  }

  void Extra() {
    absl::StrAppend(&out_, "%!(EXTRA ");
    for (size_t i = next_; i < args_.size(); ++i) {
      if (i > next_) absl::StrAppend(&out_, ", ");
      if (args_[i].is_null()) {
        absl::StrAppend(&out_, "<nil>");
      } else {
        absl::StrAppend(&out_, TypeName(args_[i]), "=", PrintValue(args_[i]));
      }
    }
    out_ += ')';
  }

  absl::string_view rest_;
  absl::Span<const Value> args_;
  size_t next_ = 0;
  bool reordered_ = false;  // some directive had an index: then arguments may be left over
  bool bad_index_ = false;
  std::string out_;
};

}  // namespace

absl::StatusOr<std::string> Sprintf(absl::string_view format, absl::Span<const Value> args,
                                    size_t max_bytes) {
  return Formatter(format, args).Run(max_bytes);
}

std::string GoQuote(absl::string_view text) { return Quote(text, '"'); }

}  // namespace coracle::template_internal
