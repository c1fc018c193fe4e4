// Being attached to a container in the foreground: run, start -a, attach.
#ifndef CORACLE_CLI_ATTACHED_H_
#define CORACLE_CLI_ATTACHED_H_

#include "absl/status/statusor.h"
#include "cli/parse.h"
#include "engine/engine.h"
#include "monitor/attach_client.h"
#include "os/unique_fd.h"

namespace coracle::cli {

// Relays until the container ends, and returns its exit code; 0 if the user detaches. If the connection is
// lost, the recorded code is used.
absl::StatusOr<int> Attached(engine::Engine& engine, const std::string& id, const os::UniqueFd& connection,
                             const monitor::AttachOptions& options);

// The same for `run`: streams by --attach and --interactive.
absl::StatusOr<int> AttachForeground(engine::Engine& engine, const store::ContainerRecord& record,
                                     const os::UniqueFd& connection, const ParsedCommand& parsed);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_ATTACHED_H_
