// Time stamps of log entries: RFC 3339 in UTC with nine digits of fraction, always kLogTimeSize bytes, so
// that they compare as bytes.
#ifndef CORACLE_MONITOR_LOG_TIME_H_
#define CORACLE_MONITOR_LOG_TIME_H_

#include <cstddef>
#include <cstdint>

namespace coracle::monitor {

inline constexpr size_t kLogTimeSize = 30;  // "2024-05-01T10:20:30.123456789Z"

// Years 0000 to 9999; other times are written as the nearest of those. Allocates nothing and reads no zone
// files.
void FormatLogTime(int64_t unix_nanos, char out[kLogTimeSize]);

int64_t NowUnixNanos();

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_LOG_TIME_H_
