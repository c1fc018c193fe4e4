// image inspect of what is not in the store: what a registry, archive or directory has, without copying it.
#ifndef CORACLE_CLI_INSPECT_TRANSPORT_H_
#define CORACLE_CLI_INSPECT_TRANSPORT_H_

#include "absl/status/status.h"
#include "cli/invocation.h"

namespace coracle::cli {

// Whether the command line asks for this: a name with a transport, --raw or --config.
bool InspectsTransport(const ParsedCommand& parsed);

// Prints it for each argument.
absl::Status InspectTransports(Invocation& invocation);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_INSPECT_TRANSPORT_H_
