// Times and durations, read and written as Go's time package and docker's command line do.
#ifndef CORACLE_BASE_TIME_FORMAT_H_
#define CORACLE_BASE_TIME_FORMAT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace coracle {

// "300ms", "-1.5h", "1h2m3.5s", "0": numbers with the units ns us µs ms s m h. Nanosecond resolution, at most
// 2^63 - 1 ns. Errors: InvalidArgument. Source: Go time.ParseDuration.
absl::StatusOr<absl::Duration> ParseGoDuration(absl::string_view text);

// "1h2m3.5s", "1h0m0s", "1.5ms", "0s". Source: Go time.Duration.String.
std::string FormatGoDuration(absl::Duration duration);

// "Less than a second", "5 seconds", "About a minute", "3 hours", "2 weeks": docker's wording of a positive
// duration.
std::string HumanDuration(absl::Duration duration);
// HumanDuration of `now` - `time`, then " ago".
std::string HumanAgo(absl::Time time, absl::Time now);

// "2024-05-01T10:20:30.123456789Z" or with the zone's offset; trailing zeros of the fraction are left out.
std::string FormatRfc3339Nano(absl::Time time, absl::TimeZone zone = absl::UTCTimeZone());
// Errors: InvalidArgument unless `text` is a whole RFC 3339 time, with any fraction.
absl::StatusOr<absl::Time> ParseRfc3339Nano(absl::string_view text);

// A value of --since or --until: an RFC 3339 time or its beginning ("2024-05-01T10:20", "2024-05-01Z";
// without an offset in `zone`), Unix seconds with an optional fraction ("1700000000.25"), or a Go duration
// before `now`. Errors: InvalidArgument.
absl::StatusOr<absl::Time> ParseTimeReference(absl::string_view text, absl::Time now, absl::TimeZone zone);

}  // namespace coracle

#endif  // CORACLE_BASE_TIME_FORMAT_H_
