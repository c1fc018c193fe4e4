// --health-*.
#include <algorithm>
#include <climits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/json.h"
#include "base/status.h"
#include "base/time_format.h"
#include "cli/container_options.h"

namespace coracle::cli {
namespace {

using google::protobuf::RepeatedPtrField;

// A JSON array is the words of a program, with or without "CMD" in front; all else is for a shell.
absl::Status ReadTest(const ParsedCommand& parsed, absl::string_view option,
                      RepeatedPtrField<std::string>* test) {
  if (!parsed.WasSet(option)) return absl::OkStatus();
  const std::string text = parsed.GetString(option);
  if (text.empty()) return OptionError(option, "", "expected a command");
  if (text == "none") {
    *test->Add() = "NONE";
    return absl::OkStatus();
  }
  if (text[0] != '[') {
    *test->Add() = "CMD-SHELL";
    *test->Add() = text;
    return absl::OkStatus();
  }
  const absl::StatusOr<Json> parsed_words = ParseJson(text);
  const Json words = parsed_words.ok() ? *parsed_words : Json(nullptr);
  const auto is_string = [](const Json& word) { return word.is_string(); };
  if (!words.is_array() || !std::all_of(words.begin(), words.end(), is_string)) {
    return OptionError(option, text, "expected a command, or a JSON array of words");
  }
  const bool has_kind =
      !words.empty() && (words[0] == "CMD" || words[0] == "CMD-SHELL" || words[0] == "NONE");
  if (!has_kind) *test->Add() = "CMD";
  for (const Json& word : words) *test->Add() = word.get<std::string>();
  if (test->size() < 2 && test->Get(0) != "NONE") return OptionError(option, text, "has no command");
  return absl::OkStatus();
}

// Nanoseconds; nullopt if it was not given.
absl::StatusOr<std::optional<int64_t>> ReadTime(const ParsedCommand& parsed, absl::string_view option,
                                                absl::Duration least) {
  if (!parsed.WasSet(option)) return std::nullopt;
  const std::string text = parsed.GetString(option);
  const auto time = ParseGoDuration(text);
  if (!time.ok()) return OptionError(option, text, "expected a time such as 90s or 1m30s");
  if (*time < least) {
    return OptionError(option, text, absl::StrCat("must be at least ", absl::FormatDuration(least)));
  }
  return absl::ToInt64Nanoseconds(*time);
}

absl::Status ReadTimes(const ParsedCommand& parsed, store::HealthConfig& health) {
  constexpr absl::Duration kLeast = absl::Milliseconds(1);
  if (parsed.GetString("health-interval") == "disable") {
    health.set_interval_nanos(0);
  } else {
    ASSIGN_OR_RETURN(const std::optional<int64_t> interval, ReadTime(parsed, "health-interval", kLeast));
    if (interval.has_value()) health.set_interval_nanos(*interval);
  }
  ASSIGN_OR_RETURN(const std::optional<int64_t> timeout, ReadTime(parsed, "health-timeout", kLeast));
  if (timeout.has_value()) health.set_timeout_nanos(*timeout);
  ASSIGN_OR_RETURN(const std::optional<int64_t> period,
                   ReadTime(parsed, "health-start-period", absl::ZeroDuration()));
  if (period.has_value()) health.set_start_period_nanos(*period);
  ASSIGN_OR_RETURN(const std::optional<int64_t> start, ReadTime(parsed, "health-start-interval", kLeast));
  if (start.has_value()) health.set_start_interval_nanos(*start);
  return absl::OkStatus();
}

absl::Status ReadAction(const ParsedCommand& parsed, store::HealthConfig& health) {
  static constexpr absl::string_view kActions[] = {"none", "kill", "restart", "stop"};
  const std::string action = parsed.GetString("health-on-failure");
  if (std::find(std::begin(kActions), std::end(kActions), action) == std::end(kActions)) {
    return OptionError("health-on-failure", action, "expected none, kill, restart or stop");
  }
  if (action == "restart" && parsed.GetBool("rm")) {
    return OptionError("health-on-failure", action, "conflicts with --rm");
  }
  if (action != "none") health.set_on_failure(action);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadHealthOptions(const ParsedCommand& parsed, store::ContainerConfig& config) {
  static constexpr absl::string_view kOptions[] = {
      "health-cmd",         "health-interval",       "health-on-failure",
      "health-retries",     "health-start-interval", "health-start-period",
      "health-startup-cmd", "health-timeout"};
  const auto given = std::find_if(std::begin(kOptions), std::end(kOptions),
                                  [&](absl::string_view option) { return parsed.WasSet(option); });
  if (parsed.GetBool("no-healthcheck")) {
    if (given != std::end(kOptions)) return OptionError(*given, "", "conflicts with --no-healthcheck");
    config.mutable_health()->add_test("NONE");
    return absl::OkStatus();
  }
  if (given == std::end(kOptions)) return absl::OkStatus();
  store::HealthConfig& health = *config.mutable_health();
  RETURN_IF_ERROR(ReadTest(parsed, "health-cmd", health.mutable_test()));
  RETURN_IF_ERROR(ReadTest(parsed, "health-startup-cmd", health.mutable_startup_test()));
  RETURN_IF_ERROR(ReadTimes(parsed, health));
  if (parsed.WasSet("health-retries")) {
    const uint64_t retries = parsed.GetUint("health-retries");
    if (retries == 0 || retries > INT_MAX) return OptionError("health-retries", "0", "must be at least 1");
    health.set_retries(static_cast<uint32_t>(retries));
  }
  return ReadAction(parsed, health);
}

}  // namespace coracle::cli
