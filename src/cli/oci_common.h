// What the commands of `coracle oci` share.
#ifndef CORACLE_CLI_OCI_COMMON_H_
#define CORACLE_CLI_OCI_COMMON_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/invocation.h"
#include "runtime/container.h"
#include "runtime/oci_state.h"

namespace coracle::cli {

// The state directory that --root names.
runtime::OciStore OciStoreOf(const Invocation& invocation);

// Prints the error, writes it to --log as well, in --log-format, and returns 1, as runc does; 0 for OK.
int OciFail(Invocation& invocation, const absl::Status& status);

// Stays with a process that we started: passes signals on and, with a terminal, what is typed and printed.
// Returns what is to be our exit code.
absl::StatusOr<int> OciForeground(runtime::Container& process);

// Reads FILE, or standard input for "-".
absl::StatusOr<std::string> OciReadInput(const std::string& path);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_OCI_COMMON_H_
