// Where a command's code has to stand before it runs: in the user namespace of a rootless user, and out of
// reach of what runs in containers.
#ifndef CORACLE_CLI_ENTER_H_
#define CORACLE_CLI_ENTER_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "cli/command_table.h"
#include "cli/globals.h"
#include "store/records.pb.h"

namespace coracle::cli {

// Kept for re-executing ourselves; called once by Main.
void SetProgramArguments(char** argv);

// The user who started the program: the effective user, or, inside the user namespace that an earlier stage
// of this very command entered, the user outside of it.
uid_t CallingUser();

// Enters the user namespace (kNeedsUserns, rootless) and re-executes from a read-only mount
// (kEntersContainer without kStartsContainer). May not return: the program then starts again, already there.
// A reduced user namespace is told as a warning, once.
absl::Status EnterFor(const Command& command, const Globals& globals);

// For a command with kStartsContainer, before it has changed anything: re-executes as above, unless the only
// container that it will start, of this configuration, is handed over (runtime/handover.h). Null: it may be
// several.
absl::Status ProtectFor(const store::ContainerConfig* config);

// For a rootless command that enters a container without making one (exec): joins the namespaces of its
// monitor, then as EnterFor. Nothing to do for root.
absl::Status EnterBeside(pid_t monitor, const Globals& globals);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_ENTER_H_
