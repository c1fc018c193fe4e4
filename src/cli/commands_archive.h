// The functions behind the rows of table_archive.cc and table_manifest.cc: see commands.h.
#ifndef CORACLE_CLI_COMMANDS_ARCHIVE_H_
#define CORACLE_CLI_COMMANDS_ARCHIVE_H_

namespace coracle::cli {

class Invocation;

int CmdCopy(Invocation& invocation);
int CmdHistory(Invocation& invocation);
int CmdImageCheck(Invocation& invocation);
int CmdImageScp(Invocation& invocation);
int CmdImageSync(Invocation& invocation);
int CmdImageTree(Invocation& invocation);
int CmdLoad(Invocation& invocation);
int CmdManifestAdd(Invocation& invocation);
int CmdManifestAnnotate(Invocation& invocation);
int CmdManifestCreate(Invocation& invocation);
int CmdManifestExists(Invocation& invocation);
int CmdManifestInspect(Invocation& invocation);
int CmdManifestPush(Invocation& invocation);
int CmdManifestRemove(Invocation& invocation);
int CmdManifestRm(Invocation& invocation);
int CmdSave(Invocation& invocation);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_COMMANDS_ARCHIVE_H_
