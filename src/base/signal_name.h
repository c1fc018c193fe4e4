// Names and numbers of signals, as users write them.
#ifndef CORACLE_BASE_SIGNAL_NAME_H_
#define CORACLE_BASE_SIGNAL_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle {

// Highest signal number of Linux (not of MIPS).
inline constexpr int kMaxSignal = 64;

// The number of "SIGTERM", "term", "15", "-15", "RTMIN+3", "SIGRTMAX-1"; case does not matter.
// Errors: InvalidArgument "invalid signal: X", also for 0 and numbers above kMaxSignal.
absl::StatusOr<int> ParseSignal(absl::string_view text);

// "SIGTERM"; "SIGRTMIN+3" for real-time signals; the bare number where there is no name (32 and 33, which the
// C library keeps for itself, and numbers that are none).
std::string SignalName(int signal);

}  // namespace coracle

#endif  // CORACLE_BASE_SIGNAL_NAME_H_
