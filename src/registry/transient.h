// Errors that another attempt may mend, marked by a payload.
#ifndef CORACLE_REGISTRY_TRANSIENT_H_
#define CORACLE_REGISTRY_TRANSIENT_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace coracle::registry {

// A copy of `status` that says: worth another attempt, after `delay` if the server named one.
absl::Status MarkTransient(absl::Status status, std::optional<absl::Duration> delay = std::nullopt);
// A copy without the mark: enough attempts were made.
absl::Status WithoutMark(absl::Status status);
bool IsTransient(const absl::Status& status);
// The delay that the server asked for.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

// Whether a request that was answered by this HTTP status is worth another attempt.
bool IsTransientHttpStatus(int http_status);

// The value of a Retry-After header: seconds, or a date (RFC 9110 section 10.2.3), which is counted from
// `now`. Nothing if it is neither. Never negative.
std::optional<absl::Duration> ParseRetryAfter(absl::string_view value, absl::Time now);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_TRANSIENT_H_
