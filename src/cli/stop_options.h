// --time and --signal of stop, restart and rm.
#ifndef CORACLE_CLI_STOP_OPTIONS_H_
#define CORACLE_CLI_STOP_OPTIONS_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "base/signal_name.h"
#include "base/status.h"
#include "cli/parse.h"

namespace coracle::cli {

// --time in seconds; nothing if it was not given: the container's own. A negative one waits for ever, which
// 32 bits of seconds come close to.
inline std::optional<uint32_t> StopTimeOption(const ParsedCommand& parsed) {
  if (!parsed.WasSet("time")) return std::nullopt;
  const int64_t seconds = parsed.GetInt("time");
  return seconds < 0 || seconds > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(seconds);
}

// --signal; nothing if it was not given. Errors: InvalidArgument, exit code 125.
inline absl::StatusOr<std::optional<int>> StopSignalOption(const ParsedCommand& parsed) {
  const std::string text = parsed.GetString("signal");
  if (text.empty()) return std::optional<int>();
  auto signal = ParseSignal(text);
  if (!signal.ok()) return WithExitCode(signal.status(), 125);
  return std::optional<int>(*signal);
}

}  // namespace coracle::cli

#endif  // CORACLE_CLI_STOP_OPTIONS_H_
