// Questions to a user at a terminal.
#ifndef CORACLE_CLI_PROMPT_H_
#define CORACLE_CLI_PROMPT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/cancel.h"

namespace coracle::cli {

// Whether somebody can be asked: standard input is a terminal.
bool CanAsk();

// Writes `question` to standard error and reads a line from standard input. `cancel` is of the InterruptGuard
// that catches Ctrl-C, if there is one. Errors: Cancelled at the end of input (Ctrl-D) or when interrupted;
// else of read(2).
absl::StatusOr<std::string> Ask(absl::string_view question, const os::CancelFlag* cancel = nullptr);
// The same with echo off. A signal that ends, stops or interrupts the program finds echo on again.
absl::StatusOr<std::string> AskSecret(absl::string_view question);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_PROMPT_H_
