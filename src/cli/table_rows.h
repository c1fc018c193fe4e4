// The rows of table_*.cc, for table_root.cc and for rows that stand in more than one list.
#ifndef CORACLE_CLI_TABLE_ROWS_H_
#define CORACLE_CLI_TABLE_ROWS_H_

#include "cli/command_table.h"

namespace coracle::cli {

// table_changes.cc
extern const Command kCommit, kDiff, kExport;
// table_mount.cc
extern const Command kImageMount, kImageUnmount, kMount, kUnmount, kUnshare;
// table_disk.cc
extern const Command kSystemDf, kSystemPrune, kSystemReset;
// table_health.cc
extern const Command kHealthcheck;
// table_build.cc
extern const Command kBuild, kBuilder, kBuildx;
// table_run.cc
extern const Command kRun, kCreate;
// table_container.cc
extern const Command kAttach, kCp, kExec, kInit, kKill, kPause, kRename, kRestart, kRm, kStart, kStop,
    kUnpause, kUpdate, kWait;
// table_container_view.cc
extern const Command kContainer, kLogs, kPort, kPs, kTop;
// table_archive.cc
extern const Command kCopy, kHistory, kImageCheck, kImageInspect, kImageScp, kImageSync, kImageTree, kLoad,
    kSave;
// table_manifest.cc
extern const Command kManifest;
// table_image.cc
extern const Command kImage, kImages, kImport, kPull, kPush, kRmi, kTag, kUntag;
// table_registry.cc
extern const Command kLogin, kLogout, kSearch;
// table_system.cc
extern const Command kComplete, kCompletion, kHelp, kInfo, kInspect, kMan, kSystem, kVersion;
// table_live.cc
extern const Command kEvents, kStats;
// table_network.cc
extern const Command kNetwork;
// table_volume.cc
extern const Command kVolume;
// table_oci.cc
extern const Command kOci;

}  // namespace coracle::cli

#endif  // CORACLE_CLI_TABLE_ROWS_H_
