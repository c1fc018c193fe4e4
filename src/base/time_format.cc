#include "base/time_format.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle {
namespace {

constexpr int kNanosecondDigits = 9;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Takes the digits at the start of `text`.
absl::string_view TakeDigits(absl::string_view& text) {
  size_t n = 0;
  while (n < text.size() && IsDigit(text[n])) ++n;
  const absl::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

// Takes a unit; its nanoseconds, or 0 if there is none.
int64_t TakeUnit(absl::string_view& text) {
  struct Unit {
    absl::string_view name;
    int64_t nanoseconds;
  };
  // Two letters before one, so that "ms" is not "m"; both spellings of micro (U+00B5, U+03BC).
  static constexpr Unit kUnits[] = {{"ns", 1},           {"us", 1000},        {"\xc2\xb5s", 1000},
                                    {"\xce\xbcs", 1000}, {"ms", 1000000},     {"s", 1000000000},
                                    {"m", 60000000000},  {"h", 3600000000000}};
  for (const Unit& unit : kUnits) {
    if (absl::ConsumePrefix(&text, unit.name)) return unit.nanoseconds;
  }
  return 0;
}

// `digits` as the fraction ".digits", in units of 1/`scale`, rounded down.
int64_t Fraction(absl::string_view digits, int64_t scale) {
  double fraction = 0;
  double place = 1;
  for (const char c : digits) fraction += (c - '0') * (place /= 10);
  // A hair more, since 0.3 * 1e9 must not become 299999999.
  return static_cast<int64_t>(fraction * static_cast<double>(scale) + 1e-6);
}

// At most nine digits of a fraction as nanoseconds; further digits are cut off.
int64_t FractionNanoseconds(absl::string_view digits) {
  int64_t value = 0;
  for (int i = 0; i < kNanosecondDigits; ++i) {
    value = value * 10 + (static_cast<size_t>(i) < digits.size() ? digits[static_cast<size_t>(i)] - '0' : 0);
  }
  return value;
}

std::string TrimFraction(int64_t fraction, int width) {
  if (fraction == 0) return "";
  std::string digits = absl::StrFormat("%0*d", width, fraction);
  while (digits.back() == '0') digits.pop_back();
  return "." + digits;
}

// Two digits after `separator`; false if they are not there.
bool TakeTwo(absl::string_view& text, char separator, int& value) {
  if (text.size() < 3 || text[0] != separator || !IsDigit(text[1]) || !IsDigit(text[2])) return false;
  value = (text[1] - '0') * 10 + (text[2] - '0');
  text.remove_prefix(3);
  return true;
}

// "Z" or "+hh:mm" at the start of `text`; false if something else is there.
bool TakeOffset(absl::string_view& text, int& seconds) {
  if (absl::ConsumePrefix(&text, "Z")) {
    seconds = 0;
    return true;
  }
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const int sign = text[0] == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!TakeTwo(text, text[0], hours) || !TakeTwo(text, ':', minutes) || hours > 23 || minutes > 59)
    return false;
  seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

struct DateTime {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int64_t nanoseconds = 0;
  bool has_offset = false;
  int offset = 0;
  bool whole = false;  // down to the seconds
};

bool TakeFraction(absl::string_view& text, DateTime& time) {
  if (!absl::ConsumePrefix(&text, ".") && !absl::ConsumePrefix(&text, ",")) return true;
  const absl::string_view digits = TakeDigits(text);
  time.nanoseconds = FractionNanoseconds(digits);
  return !digits.empty();
}

// Everything from the date to the offset; false if it is not of that form.
bool ParseDateTime(absl::string_view text, DateTime& time) {
  if (text.size() < 5 || TakeDigits(text).size() != 4) return false;
  const char* year = text.data() - 4;
  if (!absl::SimpleAtoi(absl::string_view(year, 4), &time.year)) return false;
  if (!TakeTwo(text, '-', time.month) || !TakeTwo(text, '-', time.day)) return false;
  if (TakeTwo(text, 'T', time.hour) && TakeTwo(text, ':', time.minute) && TakeTwo(text, ':', time.second)) {
    time.whole = true;
    if (!TakeFraction(text, time)) return false;
  }
  time.has_offset = TakeOffset(text, time.offset);
  return text.empty() && time.hour < 24 && time.minute < 60 && time.second < 60;
}

absl::StatusOr<absl::Time> ToTime(const DateTime& time, absl::TimeZone zone, absl::string_view text) {
  const absl::CivilSecond civil(time.year, time.month, time.day, time.hour, time.minute, time.second);
  // CivilSecond turns February 30 into March 1; Go refuses it, and so do we.
  if (civil.month() != time.month || civil.day() != time.day) {
    return absl::InvalidArgumentError(absl::StrCat("invalid time '", Printable(text), "': no such day"));
  }
  const absl::TimeZone used = time.has_offset ? absl::FixedTimeZone(time.offset) : zone;
  return absl::FromCivil(civil, used) + absl::Nanoseconds(time.nanoseconds);
}

// "1700000000" or "1700000000.25"; false if `text` is something else.
bool ParseUnixSeconds(absl::string_view text, absl::Time& time) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  const absl::string_view digits = TakeDigits(text);
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(digits, &seconds)) return false;
  absl::string_view fraction;
  if (absl::ConsumePrefix(&text, ".")) fraction = TakeDigits(text);
  if (!text.empty()) return false;
  const absl::Duration since = absl::Seconds(seconds) + absl::Nanoseconds(FractionNanoseconds(fraction));
  time = absl::UnixEpoch() + (negative ? -since : since);
  return true;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseGoDuration(absl::string_view text) {
  const auto invalid = [&] {
    return absl::InvalidArgumentError(absl::StrCat("invalid duration '", Printable(text), "'"));
  };
  absl::string_view rest = text;
  const bool negative = absl::ConsumePrefix(&rest, "-");
  if (!negative) absl::ConsumePrefix(&rest, "+");
  if (rest == "0") return absl::ZeroDuration();
  if (rest.empty()) return invalid();
  int64_t total = 0;
  while (!rest.empty()) {
    const absl::string_view digits = TakeDigits(rest);
    absl::string_view fraction;
    if (absl::ConsumePrefix(&rest, ".")) fraction = TakeDigits(rest);
    if (digits.empty() && fraction.empty()) return invalid();
    int64_t count = 0;
    if (!digits.empty() && !absl::SimpleAtoi(digits, &count)) return invalid();
    const int64_t unit = TakeUnit(rest);
    int64_t value = 0;
    if (unit == 0 || __builtin_mul_overflow(count, unit, &value) ||
        __builtin_add_overflow(value, Fraction(fraction, unit), &value) ||
        __builtin_add_overflow(total, value, &total)) {
      return invalid();
    }
  }
  return absl::Nanoseconds(negative ? -total : total);
}

std::string FormatGoDuration(absl::Duration duration) {
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(duration);
  if (nanoseconds == 0) return "0s";
  const char* sign = nanoseconds < 0 ? "-" : "";
  const uint64_t n =
      nanoseconds < 0 ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  const auto part = [](uint64_t value, uint64_t unit, int width) {
    return absl::StrCat(value / unit, TrimFraction(static_cast<int64_t>(value % unit), width));
  };
  if (n < 1000) return absl::StrCat(sign, n, "ns");
  if (n < 1000000) return absl::StrCat(sign, part(n, 1000, 3), "\xc2\xb5s");
  if (n < 1000000000) return absl::StrCat(sign, part(n, 1000000, 6), "ms");
  const uint64_t minutes = n / 60000000000;
  const std::string seconds = absl::StrCat(part(n % 60000000000, 1000000000, kNanosecondDigits), "s");
  if (minutes == 0) return absl::StrCat(sign, seconds);
  if (minutes < 60) return absl::StrCat(sign, minutes, "m", seconds);
  return absl::StrCat(sign, minutes / 60, "h", minutes % 60, "m", seconds);
}

std::string HumanDuration(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return absl::StrCat(seconds, " seconds");
  const int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return absl::StrCat(minutes, " minutes");
  const int64_t hours = (seconds + 1800) / 3600;  // to the nearest hour
  if (hours == 1) return "About an hour";
  if (hours < 48) return absl::StrCat(hours, " hours");
  if (hours < 24 * 7 * 2) return absl::StrCat(hours / 24, " days");
  if (hours < 24 * 30 * 2) return absl::StrCat(hours / 24 / 7, " weeks");
  if (hours < 24 * 365 * 2) return absl::StrCat(hours / 24 / 30, " months");
  return absl::StrCat(hours / 24 / 365, " years");
}

std::string HumanAgo(absl::Time time, absl::Time now) { return HumanDuration(now - time) + " ago"; }

std::string FormatRfc3339Nano(absl::Time time, absl::TimeZone zone) {
  const absl::TimeZone::CivilInfo info = zone.At(time);
  const absl::CivilSecond& at = info.cs;
  std::string out = absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", at.year(), at.month(), at.day(),
                                    at.hour(), at.minute(), at.second());
  out += TrimFraction(absl::ToInt64Nanoseconds(info.subsecond), kNanosecondDigits);
  if (info.offset == 0) return out + "Z";
  const int minutes = (info.offset < 0 ? -info.offset : info.offset) / 60;
  return out + absl::StrFormat("%c%02d:%02d", info.offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

absl::StatusOr<absl::Time> ParseRfc3339Nano(absl::string_view text) {
  DateTime time;
  if (!ParseDateTime(text, time) || !time.whole || !time.has_offset) {
    return absl::InvalidArgumentError(absl::StrCat("invalid RFC 3339 time '", Printable(text), "'"));
  }
  return ToTime(time, absl::UTCTimeZone(), text);
}

absl::StatusOr<absl::Time> ParseTimeReference(absl::string_view text, absl::Time now, absl::TimeZone zone) {
  DateTime date_time;
  if (ParseDateTime(text, date_time)) return ToTime(date_time, zone, text);
  absl::Time time;
  if (ParseUnixSeconds(text, time)) return time;
  const absl::StatusOr<absl::Duration> ago = ParseGoDuration(text);
  if (ago.ok()) return now - *ago;
  return absl::InvalidArgumentError(
      absl::StrCat("invalid time '", Printable(text), "': neither a date, Unix seconds nor a duration"));
}

}  // namespace coracle
