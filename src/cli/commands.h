// The functions behind the table's rows: one per command, each in its own file cmd_NAME.cc. Each returns the
// exit code. A row's `.run` is set when its function exists; a row without one answers "not supported yet".
#ifndef CORACLE_CLI_COMMANDS_H_
#define CORACLE_CLI_COMMANDS_H_

namespace coracle::cli {

class Invocation;

// Containers.
int CmdAttach(Invocation& invocation);
int CmdContainerExists(Invocation& invocation);
int CmdContainerInspect(Invocation& invocation);
int CmdContainerPrune(Invocation& invocation);
int CmdCp(Invocation& invocation);
int CmdCreate(Invocation& invocation);
int CmdEvents(Invocation& invocation);
int CmdExec(Invocation& invocation);
int CmdHealthcheckRun(Invocation& invocation);
int CmdInit(Invocation& invocation);
int CmdKill(Invocation& invocation);
int CmdLogs(Invocation& invocation);
int CmdPause(Invocation& invocation);
int CmdPort(Invocation& invocation);
int CmdPs(Invocation& invocation);
int CmdPull(Invocation& invocation);
int CmdPush(Invocation& invocation);
int CmdRename(Invocation& invocation);
int CmdRestart(Invocation& invocation);
int CmdRm(Invocation& invocation);
int CmdRun(Invocation& invocation);
int CmdStart(Invocation& invocation);
int CmdStats(Invocation& invocation);
int CmdStop(Invocation& invocation);
int CmdTop(Invocation& invocation);
int CmdUnpause(Invocation& invocation);
int CmdUpdate(Invocation& invocation);
int CmdWait(Invocation& invocation);

// Images.
int CmdBuild(Invocation& invocation);
int CmdBuilderPrune(Invocation& invocation);
int CmdImageExists(Invocation& invocation);
int CmdImageInspect(Invocation& invocation);
int CmdImagePrune(Invocation& invocation);
int CmdImages(Invocation& invocation);
int CmdImport(Invocation& invocation);
int CmdRmi(Invocation& invocation);
int CmdTag(Invocation& invocation);
int CmdUntag(Invocation& invocation);

// Volumes.
int CmdVolumeCreate(Invocation& invocation);
int CmdVolumeExists(Invocation& invocation);
int CmdVolumeExport(Invocation& invocation);
int CmdVolumeImport(Invocation& invocation);
int CmdVolumeInspect(Invocation& invocation);
int CmdVolumeLs(Invocation& invocation);
int CmdVolumeMount(Invocation& invocation);
int CmdVolumePrune(Invocation& invocation);
int CmdVolumeRm(Invocation& invocation);
int CmdVolumeUnmount(Invocation& invocation);

// Networks.
int CmdNetworkConnect(Invocation& invocation);
int CmdNetworkCreate(Invocation& invocation);
int CmdNetworkDisconnect(Invocation& invocation);
int CmdNetworkExists(Invocation& invocation);
int CmdNetworkInspect(Invocation& invocation);
int CmdNetworkLs(Invocation& invocation);
int CmdNetworkPrune(Invocation& invocation);
int CmdNetworkReload(Invocation& invocation);
int CmdNetworkRm(Invocation& invocation);
int CmdNetworkUpdate(Invocation& invocation);

// Registries.
int CmdLogin(Invocation& invocation);
int CmdLogout(Invocation& invocation);
int CmdSearch(Invocation& invocation);

// System.
int CmdCompletion(Invocation& invocation);
int CmdComplete(Invocation& invocation);  // hidden: names for completions
int CmdHelp(Invocation& invocation);
int CmdInfo(Invocation& invocation);
int CmdInspect(Invocation& invocation);
int CmdMan(Invocation& invocation);  // hidden: writes man pages
int CmdVersion(Invocation& invocation);

// The OCI runtime's command line.
int CmdOciCreate(Invocation& invocation);
int CmdOciDelete(Invocation& invocation);
int CmdOciExec(Invocation& invocation);
int CmdOciFeatures(Invocation& invocation);
int CmdOciKill(Invocation& invocation);
int CmdOciList(Invocation& invocation);
int CmdOciPause(Invocation& invocation);
int CmdOciPs(Invocation& invocation);
int CmdOciResume(Invocation& invocation);
int CmdOciRun(Invocation& invocation);
int CmdOciSpec(Invocation& invocation);
int CmdOciStart(Invocation& invocation);
int CmdOciState(Invocation& invocation);
int CmdOciUpdate(Invocation& invocation);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_COMMANDS_H_
