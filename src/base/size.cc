#include "base/size.h"

#include <cmath>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"

namespace coracle {
namespace {

constexpr char kUnitLetters[] = "kmgtp";

// 1024 to the power that the unit `suffix` (lower case) names; 0 if it is no unit.
double UnitFactor(absl::string_view suffix) {
  if (suffix.empty() || suffix == "b") return 1;
  const char* letter = std::strchr(kUnitLetters, suffix[0]);
  if (letter == nullptr || suffix[0] == '\0') return 0;
  const absl::string_view rest = suffix.substr(1);
  if (!rest.empty() && rest != "b" && rest != "ib") return 0;
  return std::pow(1024.0, static_cast<double>(letter - kUnitLetters + 1));
}

// Digits with at most one point, at least one digit: no sign, exponent, "inf" or "0x".
bool IsDecimal(absl::string_view number) {
  int points = 0;
  int digits = 0;
  for (const char c : number) {
    if (c == '.') {
      ++points;
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      ++digits;
    } else {
      return false;
    }
  }
  return digits > 0 && points <= 1;
}

std::string Scaled(int64_t bytes, double base, absl::string_view separator, int digits,
                   const char* const* units, int unit_count) {
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (std::fabs(value) >= base && unit < unit_count - 1) {
    value /= base;
    ++unit;
  }
  return absl::StrCat(absl::StrFormat("%.*g", digits, value), separator, units[unit]);
}

}  // namespace

absl::StatusOr<int64_t> ParseSize(absl::string_view text) {
  const auto invalid = [&] {
    return absl::InvalidArgumentError(absl::StrCat("invalid size: '", Printable(text), "'"));
  };
  const size_t last_digit = text.find_last_of("0123456789.");
  if (last_digit == absl::string_view::npos) return invalid();
  const absl::string_view number = text.substr(0, last_digit + 1);
  absl::string_view suffix = text.substr(last_digit + 1);
  if (absl::StartsWith(suffix, " ")) suffix.remove_prefix(1);
  const double factor = UnitFactor(absl::AsciiStrToLower(suffix));
  if (!IsDecimal(number) || factor == 0) return invalid();
  // Whole numbers are exact, beyond the 53 bits of a double.
  int64_t whole = 0;
  if (factor == 1 && absl::SimpleAtoi(number, &whole)) return whole;
  double value = 0;
  if (!absl::SimpleAtod(number, &value)) return invalid();
  value *= factor;
  if (!(value < 9223372036854775808.0)) return invalid();
  return static_cast<int64_t>(value);
}

std::string HumanSize(int64_t bytes, int digits, absl::string_view separator) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  return Scaled(bytes, 1000, separator, digits, kUnits, 7);
}

std::string BinarySize(int64_t bytes, int digits) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  return Scaled(bytes, 1024, "", digits, kUnits, 7);
}

}  // namespace coracle
