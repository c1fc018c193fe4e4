#include "base/time_format.h"

#include "doctest/doctest.h"

namespace coracle {
namespace {

absl::Time At(const char* text) {
  std::string error;
  absl::Time time;
  REQUIRE_MESSAGE(absl::ParseTime(absl::RFC3339_full, text, &time, &error), error);
  return time;
}

TEST_SUITE("base/time_format") {
  TEST_CASE("Go durations are read") {
    CHECK(*ParseGoDuration("1h2m3.5s") == absl::Milliseconds(3723500));
    CHECK(*ParseGoDuration("-1.5h") == -absl::Minutes(90));
    CHECK(*ParseGoDuration("+5s") == absl::Seconds(5));
    CHECK(*ParseGoDuration("0") == absl::ZeroDuration());
    CHECK(*ParseGoDuration("100ns") == absl::Nanoseconds(100));
    CHECK(*ParseGoDuration("1us") == absl::Microseconds(1));
    CHECK(*ParseGoDuration("1\xc2\xb5s") == absl::Microseconds(1));
    CHECK(*ParseGoDuration("300ms") == absl::Milliseconds(300));
    CHECK(*ParseGoDuration("0.3s") == absl::Milliseconds(300));
    CHECK(*ParseGoDuration(".5m") == absl::Seconds(30));
    CHECK(*ParseGoDuration("9223372036854775807ns") == absl::Nanoseconds(INT64_MAX));
  }
  TEST_CASE("what is no duration is refused") {
    for (const char* bad : {"", "-", "5", "s", "1x", ".s", "1h 2m", "--1s", "1e3s", "9223372036854775808ns",
                            "9999999h", "1d", "inf"}) {
      CAPTURE(bad);
      CHECK(ParseGoDuration(bad).status().code() == absl::StatusCode::kInvalidArgument);
    }
  }
  TEST_CASE("durations are written as Go writes them") {
    CHECK(FormatGoDuration(absl::ZeroDuration()) == "0s");
    CHECK(FormatGoDuration(absl::Hours(1)) == "1h0m0s");
    CHECK(FormatGoDuration(absl::Milliseconds(3723500)) == "1h2m3.5s");
    CHECK(FormatGoDuration(absl::Seconds(90)) == "1m30s");
    CHECK(FormatGoDuration(absl::Microseconds(1500)) == "1.5ms");
    CHECK(FormatGoDuration(absl::Nanoseconds(1500)) == "1.5\xc2\xb5s");
    CHECK(FormatGoDuration(absl::Nanoseconds(7)) == "7ns");
    CHECK(FormatGoDuration(-absl::Seconds(30)) == "-30s");
    CHECK(FormatGoDuration(absl::Nanoseconds(INT64_MIN)) == "-2562047h47m16.854775808s");
  }
  TEST_CASE("ages are worded as docker words them") {
    CHECK(HumanDuration(absl::Milliseconds(300)) == "Less than a second");
    CHECK(HumanDuration(absl::Seconds(1)) == "1 second");
    CHECK(HumanDuration(absl::Seconds(59)) == "59 seconds");
    CHECK(HumanDuration(absl::Seconds(60)) == "About a minute");
    CHECK(HumanDuration(absl::Minutes(3)) == "3 minutes");
    CHECK(HumanDuration(absl::Minutes(60)) == "About an hour");
    CHECK(HumanDuration(absl::Minutes(95)) == "2 hours");
    CHECK(HumanDuration(absl::Hours(47)) == "47 hours");
    CHECK(HumanDuration(absl::Hours(24 * 7)) == "7 days");
    CHECK(HumanDuration(absl::Hours(24 * 14)) == "2 weeks");
    CHECK(HumanDuration(absl::Hours(24 * 61)) == "2 months");
    CHECK(HumanDuration(absl::Hours(24 * 800)) == "2 years");
    CHECK(HumanAgo(At("2024-05-01T10:00:00Z"), At("2024-05-01T10:05:00Z")) == "5 minutes ago");
  }
  TEST_CASE("RFC 3339 with nanoseconds goes both ways") {
    CHECK(FormatRfc3339Nano(At("2024-05-01T10:20:30.120Z")) == "2024-05-01T10:20:30.12Z");
    CHECK(FormatRfc3339Nano(At("2024-05-01T10:20:30Z")) == "2024-05-01T10:20:30Z");
    CHECK(FormatRfc3339Nano(At("2024-05-01T10:20:30Z"), absl::FixedTimeZone(-5400)) ==
          "2024-05-01T08:50:30-01:30");
    CHECK(*ParseRfc3339Nano("2024-05-01T10:20:30.123456789+02:00") ==
          At("2024-05-01T08:20:30Z") + absl::Nanoseconds(123456789));
    for (const char* bad :
         {"2024-05-01", "2024-05-01T10:20:30", "2024-02-30T00:00:00Z", "2024-05-01T24:00:00Z",
          "2024-05-01T10:20:30.Z", "2024-05-01T10:20:30Zx", "x", "202-05-01T10:20:30Z"}) {
      CAPTURE(bad);
      CHECK_FALSE(ParseRfc3339Nano(bad).ok());
    }
  }
  TEST_CASE("--since takes dates, their beginnings, Unix seconds and durations") {
    const absl::Time now = At("2024-05-01T12:00:00Z");
    const absl::TimeZone zone = absl::FixedTimeZone(7200);
    CHECK(*ParseTimeReference("2024-05-01T10:20:30.5Z", now, zone) == At("2024-05-01T10:20:30.5Z"));
    CHECK(*ParseTimeReference("2024-05-01T10:20:30", now, zone) == At("2024-05-01T08:20:30Z"));
    CHECK(*ParseTimeReference("2024-05-01T10:20", now, zone) == At("2024-05-01T08:20:00Z"));
    CHECK(*ParseTimeReference("2024-05-01T10", now, zone) == At("2024-05-01T08:00:00Z"));
    CHECK(*ParseTimeReference("2024-05-01", now, zone) == At("2024-04-30T22:00:00Z"));
    CHECK(*ParseTimeReference("2024-05-01Z", now, zone) == At("2024-05-01T00:00:00Z"));
    CHECK(*ParseTimeReference("1714557600.25", now, zone) == At("2024-05-01T10:00:00.25Z"));
    CHECK(*ParseTimeReference("1714557600", now, zone) == At("2024-05-01T10:00:00Z"));
    CHECK(*ParseTimeReference("1h30m", now, zone) == At("2024-05-01T10:30:00Z"));
    CHECK_FALSE(ParseTimeReference("yesterday", now, zone).ok());
    CHECK_FALSE(ParseTimeReference("", now, zone).ok());
  }
}

}  // namespace
}  // namespace coracle
