// `coracle oci`: the command line of an OCI runtime, as runc has it, so that other engines can use this
// binary.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kGlobalOnly[] = {
    Flag("debug", '\0', "Log more"),
    String("log", '\0', "FILE", "Write errors to a file too"),
    String("log-format", '\0', "FORMAT", "Form of that file: text or json").Default("text"),
    String("log-level", '\0', "LEVEL", "Accepted for compatibility"),
    String("root", '\0', "DIR", "Where the state of the containers is kept"),
    Typed(OptionType::kOptional, "rootless", '\0', "MODE", "Accepted for compatibility: found out by itself"),
    Flag("systemd-cgroup", '\0', "cgroupsPath has the form SLICE:PREFIX:NAME"),
    Flag("version", 'v', "Show the version"),
};
constexpr OptionSet kGlobalOptions[] = {kGlobalOnly};

constexpr Option kBundle[] = {
    String("bundle", 'b', "DIR", "Directory with config.json; the current one otherwise"),
};
constexpr Option kConsole[] = {
    String("console-socket", '\0', "FILE", "Unix socket that is sent the terminal's descriptor"),
    String("pid-file", '\0', "FILE", "Write the process id to a file"),
    Typed(OptionType::kUint, "preserve-fds", '\0', "COUNT", "Hand on this many descriptors after 0, 1 and 2")
        .Default("0"),
};
constexpr Option kCreateOnly[] = {
    Flag("no-pivot", '\0', "Do not use pivot_root"),
    Flag("no-new-keyring", '\0', "Do not make a new session keyring"),
};
constexpr Option kRunOnly[] = {
    Flag("detach", 'd', "Do not wait for it to end"),
    Flag("keep", '\0', "Keep the container's state when it has ended"),
    Flag("no-subreaper", '\0', "Do not adopt processes that lose their parent"),
};
constexpr Option kExecOnly[] = {
    CsvList("additional-gids", 'g', "ID", "Further groups"),
    String("apparmor", '\0', "PROFILE", "AppArmor profile"),
    CsvList("cap", 'c', "CAPABILITY", "Add a capability"),
    List("cgroup", '\0', "[CONTROLLER:]PATH", "Run in a sub-cgroup that exists"),
    String("cwd", '\0', "DIR", "Working directory inside the container"),
    Flag("detach", 'd', "Do not wait for it to end"),
    List("env", 'e', "NAME=VALUE", "Set a variable"),
    Flag("ignore-paused", '\0', "Even if the container is paused"),
    Flag("no-new-privs", '\0', "Set no_new_privs"),
    String("process", 'p', "FILE", "Read the process from a JSON file"),
    String("process-label", '\0', "LABEL", "SELinux label"),
    Flag("tty", 't', "Give the process a terminal"),
    String("user", 'u', "UID[:GID]", "Who runs the command"),
};
constexpr Option kKillOnly[] = {Flag("all", 'a', "Signal all processes of the container")};
constexpr Option kDeleteOnly[] = {
    Flag("force", 'f', "Kill it first if it runs; a missing container is no error")};
constexpr Option kListOnly[] = {
    String("format", 'f', "FORMAT", "table or json").Default("table"),
    Flag("quiet", 'q', "Show ids only"),
};
constexpr Option kPsOnly[] = {String("format", 'f', "FORMAT", "table or json").Default("table")};
constexpr Option kUpdateOnly[] = {
    Typed(OptionType::kUint, "blkio-weight", '\0', "WEIGHT", "Share of block I/O"),
    Typed(OptionType::kUint, "cpu-period", '\0', "MICROSECONDS", "Period of the CPU quota"),
    Typed(OptionType::kInt, "cpu-quota", '\0', "MICROSECONDS", "CPU time in each period"),
    Typed(OptionType::kUint, "cpu-rt-period", '\0', "MICROSECONDS", "Period of real-time CPU time"),
    Typed(OptionType::kInt, "cpu-rt-runtime", '\0', "MICROSECONDS", "Real-time CPU time in each period"),
    Typed(OptionType::kUint, "cpu-share", '\0', "SHARES", "Share of CPU time when it is scarce"),
    String("cpuset-cpus", '\0', "CPUS", "CPUs it may run on"),
    String("cpuset-mems", '\0', "NODES", "Memory nodes it may use"),
    String("memory", '\0', "BYTES", "Limit of memory; -1: none"),
    String("memory-reservation", '\0', "BYTES", "Memory that is left to it when memory is scarce"),
    String("memory-swap", '\0', "BYTES", "Limit of memory and swap together; -1: none"),
    Typed(OptionType::kInt, "pids-limit", '\0', "COUNT", "Limit of processes and threads"),
    String("resources", 'r', "FILE", "Read all limits from a JSON file; '-': standard input"),
};
constexpr Option kSpecOnly[] = {
    String("bundle", 'b', "DIR", "Directory to write config.json into"),
    Flag("rootless", '\0', "For a user without privileges"),
};

constexpr OptionSet kCreateOptions[] = {kBundle, kConsole, kCreateOnly};
constexpr OptionSet kRunOptions[] = {kBundle, kConsole, kCreateOnly, kRunOnly};
constexpr OptionSet kExecOptions[] = {kConsole, kExecOnly};
constexpr OptionSet kKillOptions[] = {kKillOnly};
constexpr OptionSet kDeleteOptions[] = {kDeleteOnly};
constexpr OptionSet kListOptions[] = {kListOnly};
constexpr OptionSet kPsOptions[] = {kPsOnly};
constexpr OptionSet kUpdateOptions[] = {kUpdateOnly};
constexpr OptionSet kSpecOptions[] = {kSpecOnly};

constexpr Command kOciCreate = {
    .name = "oci create",
    .usage = "[options] ID",
    .summary = "Create a container from a bundle",
    .description = "Its process waits for 'coracle oci start'.",
    .options = kCreateOptions,
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore | kEntersContainer,
    .run = CmdOciCreate,
};
constexpr Command kOciDelete = {
    .name = "oci delete",
    .usage = "[options] ID",
    .summary = "Remove what a stopped container holds",
    .options = kDeleteOptions,
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdOciDelete,
};
constexpr Command kOciExec = {
    .name = "oci exec",
    .usage = "[options] ID [COMMAND [ARG...]]",
    .summary = "Start a further process in a container",
    .options = kExecOptions,
    .min_args = 1,
    .max_args = -1,
    .flags = kStopAtFirstArgument | kNoStore | kEntersContainer,
    .run = CmdOciExec,
};
constexpr Command kOciFeatures = {
    .name = "oci features",
    .usage = "",
    .summary = "Show what this runtime can do, as JSON",
    .flags = kNoStore,
    .run = CmdOciFeatures,
};
constexpr Command kOciKill = {
    .name = "oci kill",
    .usage = "[options] ID [SIGNAL]",
    .summary = "Send a signal to a container's first process",
    .options = kKillOptions,
    .min_args = 1,
    .max_args = 2,
    .flags = kNoStore,
    .run = CmdOciKill,
};
constexpr Command kOciList = {
    .name = "oci list",
    .usage = "[options]",
    .summary = "List the containers of this state directory",
    .options = kListOptions,
    .flags = kNoStore,
    .run = CmdOciList,
};
constexpr Command kOciPause = {
    .name = "oci pause",
    .usage = "ID",
    .summary = "Freeze the processes of a container",
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdOciPause,
};
constexpr Command kOciPs = {
    .name = "oci ps",
    .usage = "[options] ID [PS-OPTIONS...]",
    .summary = "Show the processes of a container",
    .options = kPsOptions,
    .min_args = 1,
    .max_args = -1,
    .flags = kStopAtFirstArgument | kNoStore,
    .run = CmdOciPs,
};
constexpr Command kOciResume = {
    .name = "oci resume",
    .usage = "ID",
    .summary = "Let a paused container go on",
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdOciResume,
};
constexpr Command kOciRun = {
    .name = "oci run",
    .usage = "[options] ID",
    .summary = "Create a container from a bundle and start it",
    .options = kRunOptions,
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore | kEntersContainer,
    .run = CmdOciRun,
};
constexpr Command kOciSpec = {
    .name = "oci spec",
    .usage = "[options]",
    .summary = "Write a config.json to start from",
    .options = kSpecOptions,
    .flags = kNoStore,
    .run = CmdOciSpec,
};
constexpr Command kOciStart = {
    .name = "oci start",
    .usage = "ID",
    .summary = "Let a created container's process begin",
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdOciStart,
};
constexpr Command kOciState = {
    .name = "oci state",
    .usage = "ID",
    .summary = "Show the state of a container, as JSON",
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdOciState,
};
constexpr Command kOciUpdate = {
    .name = "oci update",
    .usage = "[options] ID",
    .summary = "Change the limits of a container",
    .options = kUpdateOptions,
    .min_args = 1,
    .max_args = 1,
    .flags = kNoStore,
    .run = CmdOciUpdate,
};

constexpr Node kOciNodes[] = {
    {"create", &kOciCreate}, {"delete", &kOciDelete}, {"exec", &kOciExec},   {"features", &kOciFeatures},
    {"kill", &kOciKill},     {"list", &kOciList},     {"pause", &kOciPause}, {"ps", &kOciPs},
    {"resume", &kOciResume}, {"run", &kOciRun},       {"spec", &kOciSpec},   {"start", &kOciStart},
    {"state", &kOciState},   {"update", &kOciUpdate},
};

}  // namespace

constexpr Command kOci = {
    .name = "oci",
    .usage = "[options] COMMAND",
    .summary = "An OCI runtime's command line, for other engines",
    .description =
        "Has the options and commands of runc. A link to the binary whose name ends in -oci is the same as "
        "'coracle oci', so that it can be given to others as --runtime.",
    .options = kGlobalOptions,
    .children = kOciNodes,
    .flags = kNoGlobals | kNoStore,
};

}  // namespace coracle::cli
