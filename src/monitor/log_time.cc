#include "monitor/log_time.h"

#include <time.h>

namespace coracle::monitor {
namespace {

constexpr int64_t kSecond = 1000000000;

void PutDigits(int64_t value, int digits, char* out) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

void FormatLogTime(int64_t unix_nanos, char out[kLogTimeSize]) {
  int64_t seconds = unix_nanos / kSecond, nanos = unix_nanos % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  int64_t days = seconds / 86400, rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  // Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
  const int64_t z = days + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  PutDigits(year, 4, out);
  out[4] = '-';
  PutDigits(month, 2, out + 5);
  out[7] = '-';
  PutDigits(day, 2, out + 8);
  out[10] = 'T';
  PutDigits(rest / 3600, 2, out + 11);
  out[13] = ':';
  PutDigits(rest / 60 % 60, 2, out + 14);
  out[16] = ':';
  PutDigits(rest % 60, 2, out + 17);
  out[19] = '.';
  PutDigits(nanos, 9, out + 20);
  out[29] = 'Z';
}

int64_t NowUnixNanos() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace coracle::monitor
