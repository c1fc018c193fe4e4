// Completion scripts of shells, from the table.
#ifndef CORACLE_CLI_COMPLETION_SCRIPT_H_
#define CORACLE_CLI_COMPLETION_SCRIPT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::cli {

// The script for "bash", "zsh" or "fish". Names of containers and images are asked of `coracle __complete`
// when they are needed. Errors: InvalidArgument for another shell.
absl::StatusOr<std::string> CompletionScript(absl::string_view shell);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_COMPLETION_SCRIPT_H_
