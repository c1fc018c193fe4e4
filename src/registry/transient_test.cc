#include "registry/transient.h"

#include "doctest/doctest.h"

namespace coracle::registry {
namespace {

TEST_SUITE("registry/transient") {
  TEST_CASE("a mark survives copies and carries the server's delay") {
    const absl::Status plain = absl::UnavailableError("x");
    CHECK_FALSE(IsTransient(plain));
    const absl::Status marked = MarkTransient(plain);
    CHECK(IsTransient(marked));
    CHECK_FALSE(RetryAfterOf(marked).has_value());
    CHECK(RetryAfterOf(MarkTransient(plain, absl::Seconds(7))) == absl::Seconds(7));
    CHECK(RetryAfterOf(MarkTransient(plain, absl::ZeroDuration())) == absl::ZeroDuration());
  }

  TEST_CASE("overload and broken gateways are worth another attempt, refusals are not") {
    for (int status : {408, 429, 500, 502, 503, 504}) CHECK(IsTransientHttpStatus(status));
    for (int status : {200, 301, 400, 401, 403, 404, 405, 416, 501, 505, 507}) {
      CHECK_FALSE(IsTransientHttpStatus(status));
    }
  }

  TEST_CASE("Retry-After is seconds or a date") {
    const absl::Time now = absl::FromUnixSeconds(784111777 - 10);  // ten seconds before the date below
    CHECK(ParseRetryAfter("120", now) == absl::Seconds(120));
    CHECK(ParseRetryAfter(" 0 ", now) == absl::ZeroDuration());
    CHECK(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", now) == absl::Seconds(10));
    CHECK(ParseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", now + absl::Hours(1)) == absl::ZeroDuration());
    for (const char* bad : {"", "-1", "soon", "1.5", "99999999999999", "Sun, 06 Nov 1994"}) {
      CHECK_FALSE(ParseRetryAfter(bad, now).has_value());
    }
  }
}

}  // namespace
}  // namespace coracle::registry
