// The functions behind table_changes.cc, table_disk.cc and table_mount.cc, as those of commands.h.
#ifndef CORACLE_CLI_COMMANDS_STORAGE_H_
#define CORACLE_CLI_COMMANDS_STORAGE_H_

namespace coracle::cli {

class Invocation;

int CmdCommit(Invocation& invocation);
int CmdDiff(Invocation& invocation);  // of containers and images
int CmdExport(Invocation& invocation);

int CmdImageMount(Invocation& invocation);
int CmdImageUnmount(Invocation& invocation);
int CmdMount(Invocation& invocation);
int CmdUnmount(Invocation& invocation);
int CmdUnshare(Invocation& invocation);

int CmdSystemDf(Invocation& invocation);
int CmdSystemPrune(Invocation& invocation);
int CmdSystemReset(Invocation& invocation);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_COMMANDS_STORAGE_H_
