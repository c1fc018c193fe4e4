// The root of the tree: global options and the top level.
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kGlobal[] = {
    String("cgroup-manager", '\0', "MANAGER", "Who makes cgroups: cgroupfs or systemd"),
    String("config", '\0', "DIR", "Directory whose config.json has the credentials (also $DOCKER_CONFIG)"),
    String("connection", '\0', "NAME", "Connection to a remote service").NotYet("default"),
    String("context", 'c', "NAME", "Context of docker's client").NotYet("default"),
    Flag("debug", 'D', "Log everything: --log-level debug"),
    String("events-backend", '\0', "BACKEND", "Where events are kept").NotYet("file|none"),
    String("host", 'H', "URL", "Address of a remote service")
        .NotYet("unix:///var/run/docker.sock|unix:///run/docker.sock"),
    String("log-level", 'l', "LEVEL", "What is logged: trace, debug, info, warn, error, fatal, panic")
        .Default("warn"),
    String("module", '\0', "FILE", "A further containers.conf").NotYet(),
    Flag("remote", 'r', "Use a remote service").NotYet(),
    String("root", '\0', "DIR", "Where images and containers are kept"),
    String("runroot", '\0', "DIR", "Where the state of what runs is kept"),
    String("runtime", '\0', "PROGRAM", "OCI runtime to use: coracle, a name in PATH, or a path")
        .Default("coracle"),
    String("storage-driver", '\0', "DRIVER", "How layers are stacked: overlay, fuse-overlayfs, vfs"),
    List("storage-opt", '\0', "KEY=VALUE", "Options of the storage driver"),
    String("tmpdir", '\0', "DIR", "Where temporary files are written"),
    String("url", '\0', "URL", "Address of a remote service").NotYet(),
    Flag("version", 'v', "Show the version"),
};
constexpr OptionSet kGlobalOptions[] = {kGlobal};

constexpr Example kExamples[] = {
    {"run --rm hello", "the built-in welcome"},
    {"run --rm -it debian bash", "a shell in a new container"},
    {"ps -a", "the containers there are"},
};

constexpr Node kNodes[] = {
    {"attach", &kAttach, Group::kRun},
    {"build", &kBuild, Group::kImage},
    {"builder", &kBuilder, Group::kNested},
    {"buildx", &kBuildx, Group::kNested},
    {"commit", &kCommit, Group::kImage},
    {"completion", &kCompletion, Group::kSystem},
    {"container", &kContainer, Group::kNested},
    {"copy", &kCopy, Group::kImage},
    {"cp", &kCp, Group::kRun},
    {"create", &kCreate, Group::kRun},
    {"diff", &kDiff, Group::kInspect},
    {"events", &kEvents, Group::kInspect},
    {"exec", &kExec, Group::kRun},
    {"export", &kExport, Group::kImage},
    {"healthcheck", &kHealthcheck, Group::kNested},
    {"help", &kHelp, Group::kSystem},
    {"history", &kHistory, Group::kImage},
    {"image", &kImage, Group::kNested},
    {"images", &kImages, Group::kImage},
    {"import", &kImport, Group::kImage},
    {"info", &kInfo, Group::kSystem},
    {"init", &kInit, Group::kRun},
    {"inspect", &kInspect, Group::kInspect},
    {"kill", &kKill, Group::kRun},
    {"load", &kLoad, Group::kImage},
    {"login", &kLogin, Group::kImage},
    {"logout", &kLogout, Group::kImage},
    {"logs", &kLogs, Group::kInspect},
    {"mount", &kMount, Group::kInspect},
    {"oci", &kOci, Group::kNested},
    {"manifest", &kManifest, Group::kNested},
    {"network", &kNetwork, Group::kNested},
    {"pause", &kPause, Group::kRun},
    {"port", &kPort, Group::kInspect},
    {"ps", &kPs, Group::kInspect},
    {"pull", &kPull, Group::kImage},
    {"push", &kPush, Group::kImage},
    {"rename", &kRename, Group::kRun},
    {"restart", &kRestart, Group::kRun},
    {"rm", &kRm, Group::kRun},
    {"rmi", &kRmi, Group::kImage},
    {"run", &kRun, Group::kRun},
    {"save", &kSave, Group::kImage},
    {"search", &kSearch, Group::kImage},
    {"start", &kStart, Group::kRun},
    {"stats", &kStats, Group::kInspect},
    {"stop", &kStop, Group::kRun},
    {"system", &kSystem, Group::kNested},
    {"tag", &kTag, Group::kImage},
    {"top", &kTop, Group::kInspect},
    {"umount", &kUnmount, Group::kInspect, /*alias=*/true},
    {"unmount", &kUnmount, Group::kInspect},
    {"unpause", &kUnpause, Group::kRun},
    {"unshare", &kUnshare, Group::kSystem},
    {"untag", &kUntag, Group::kImage},
    {"update", &kUpdate, Group::kRun},
    {"version", &kVersion, Group::kSystem},
    {"volume", &kVolume, Group::kNested},
    {"wait", &kWait, Group::kRun},
    {"__complete", &kComplete, Group::kSystem},
    {"__man", &kMan, Group::kSystem},
};

}  // namespace

constexpr Command kRootCommand = {
    .name = "coracle",
    .usage = "[options] COMMAND",
    .summary = "Run containers, without a daemon",
    .description =
        "One binary that runs and manages OCI containers, with the command line of docker and podman.",
    .examples = kExamples,
    .options = kGlobalOptions,
    .children = kNodes,
};

}  // namespace coracle::cli
