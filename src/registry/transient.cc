#include "registry/transient.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace coracle::registry {
namespace {
constexpr char kTransient[] = "coracle/transient";
}  // namespace

absl::Status MarkTransient(absl::Status status, std::optional<absl::Duration> delay) {
  status.SetPayload(kTransient, absl::Cord(delay ? absl::StrCat(absl::ToInt64Milliseconds(*delay)) : ""));
  return status;
}

absl::Status WithoutMark(absl::Status status) {
  status.ErasePayload(kTransient);
  return status;
}

bool IsTransient(const absl::Status& status) { return status.GetPayload(kTransient).has_value(); }

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kTransient);
  int64_t milliseconds = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &milliseconds)) return std::nullopt;
  return absl::Milliseconds(milliseconds);
}

bool IsTransientHttpStatus(int http_status) {
  switch (http_status) {
    case 408:  // Request Timeout
    case 425:  // Too Early
    case 429:  // Too Many Requests
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

std::optional<absl::Duration> ParseRetryAfter(absl::string_view value, absl::Time now) {
  value = absl::StripAsciiWhitespace(value);
  uint32_t seconds = 0;
  if (absl::SimpleAtoi(value, &seconds)) return absl::Seconds(seconds);
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", value, &date, &error)) return std::nullopt;
  return std::max(date - now, absl::ZeroDuration());
}

}  // namespace coracle::registry
