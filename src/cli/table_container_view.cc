// Commands that look at containers, and the group `container`.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kLatest[] = {Flag("latest", 'l', "Act on the newest container")};

constexpr Option kLogsOnly[] = {
    Flag("color", '\0', "With several containers, on a terminal: a colour for each"),
    Flag("details", '\0', "Show the labels that the log driver was told to keep").NotYet(),
    Flag("follow", 'f', "Go on with what is printed from now on"),
    Flag("names", '\0', "Put the container's name in front of each line"),
    String("since", '\0', "TIME", "Lines from this time on: 2024-05-01T10:00, Unix seconds, or 10m ago"),
    String("tail", 'n', "LINES", "Only the last lines; all: everything").Default("all"),
    Flag("timestamps", 't', "Put the time in front of each line"),
    String("until", '\0', "TIME", "Lines before this time"),
};
constexpr OptionSet kLogsOptions[] = {kLogsOnly, kLatest};
constexpr Example kLogsExamples[] = {
    {"logs -f --tail 20 web", "the last lines, and what follows"},
    {"logs --since 10m -t web", "the last ten minutes, with times"},
};

constexpr Option kPortOnly[] = {Flag("all", 'a', "Show the ports of all containers")};
constexpr OptionSet kPortOptions[] = {kPortOnly, kLatest};
constexpr Example kPortExamples[] = {{"port web 80/tcp", "where port 80 of it is reachable"}};

constexpr Option kPsOnly[] = {
    Flag("all", 'a', "Show containers that do not run, too"),
    Flag("external", '\0', "Accepted for compatibility: no other program makes containers in this store"),
    Alias("storage", "external"),
    List("filter", 'f', "KEY=VALUE",
         "Show only matches: ancestor, before, exited, id, label, name, network, since, status, until, …"),
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Typed(OptionType::kInt, "last", 'n', "COUNT", "Show the newest, in whatever state").Default("-1"),
    Flag("latest", 'l', "Show the newest container, in whatever state"),
    Flag("namespace", '\0', "Show the namespaces"),
    Alias("ns", "namespace"),
    Flag("no-trunc", '\0', "Show whole ids and commands"),
    Alias("notruncate", "no-trunc"),
    Flag("noheading", '\0', "Leave out the headings"),
    Flag("pod", 'p', "Show the pods").NotYet(),
    Flag("quiet", 'q', "Show ids only"),
    Flag("size", 's', "Show the size of what was written"),
    String("sort", '\0', "FIELD", "Order: command, created, id, image, names, runningfor, size, status")
        .Default("created"),
    Flag("sync", '\0', "Accepted for compatibility: what is shown is always the true state"),
    Typed(OptionType::kUint, "watch", 'w', "SECONDS", "Show it again and again"),
};
constexpr OptionSet kPsOptions[] = {kPsOnly};
constexpr Example kPsExamples[] = {
    {"ps", "what runs"},
    {"ps -aq --filter status=exited", "ids of what has ended"},
    {"ps --format '{{.Names}}\\t{{.Status}}'", "two columns of your own"},
    {"ps --format json", "everything, for programs"},
};

constexpr OptionSet kTopOptions[] = {kLatest};
constexpr Example kTopExamples[] = {
    {"top web", "its processes"},
    {"top web pid user args", "three columns"},
};

constexpr Option kExistsOnly[] = {
    Flag("external", '\0', "Look at containers of other programs too").NotYet(),
};
constexpr OptionSet kExistsOptions[] = {kExistsOnly};
constexpr Example kExistsExamples[] = {{"container exists web && echo yes", "in a script"}};
constexpr Command kContainerExists = {
    .name = "container exists",
    .usage = "[options] CONTAINER",
    .summary = "Tell by the exit code whether a container exists",
    .description = "Ends with 0 if it exists, with 1 if not, and prints nothing.",
    .examples = kExistsExamples,
    .options = kExistsOptions,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kContainers,
    .run = CmdContainerExists,
};

constexpr Option kInspectOnly[] = {
    String("format", 'f', "FORMAT", "json or a Go template"),
    Flag("size", 's', "Add the size of what was written"),
};
constexpr OptionSet kInspectOptions[] = {kInspectOnly, kLatest};
constexpr Example kInspectExamples[] = {
    {"container inspect -f '{{.State.Status}}' web", "one field"},
};
constexpr Command kContainerInspect = {
    .name = "container inspect",
    .usage = "[options] CONTAINER...",
    .summary = "Show everything about containers, as JSON",
    .description = "An array with one object for each container, or a template's text for each.",
    .examples = kInspectExamples,
    .options = kInspectOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "latest",
    .completes = Completes::kContainers,
    .run = CmdContainerInspect,
};

constexpr Option kPruneOnly[] = {
    List("filter", '\0', "KEY=VALUE", "Remove only matches: label, until"),
    Flag("force", 'f', "Do not ask"),
};
constexpr OptionSet kPruneOptions[] = {kPruneOnly};
constexpr Example kPruneExamples[] = {{"container prune -f --filter until=24h", "older than a day"}};
constexpr Command kContainerPrune = {
    .name = "container prune",
    .usage = "[options]",
    .summary = "Remove all containers that do not run",
    .description =
        "Asks first when standard input is a terminal. Prints the id of each container it has removed.",
    .examples = kPruneExamples,
    .options = kPruneOptions,
    .flags = kNeedsUserns,
    .run = CmdContainerPrune,
};

constexpr Node kContainerNodes[] = {
    {"attach", &kAttach},
    {"commit", &kCommit},
    {"cp", &kCp},
    {"create", &kCreate},
    {"diff", &kDiff},
    {"exec", &kExec},
    {"exists", &kContainerExists},
    {"export", &kExport},
    {"init", &kInit},
    {"inspect", &kContainerInspect},
    {"kill", &kKill},
    {"list", &kPs},
    {"logs", &kLogs},
    {"ls", &kPs, Group::kNested, /*alias=*/true},
    {"mount", &kMount},
    {"pause", &kPause},
    {"port", &kPort},
    {"prune", &kContainerPrune},
    {"ps", &kPs, Group::kNested, /*alias=*/true},
    {"remove", &kRm, Group::kNested, /*alias=*/true},
    {"rename", &kRename},
    {"restart", &kRestart},
    {"rm", &kRm},
    {"run", &kRun},
    {"start", &kStart},
    {"stats", &kStats},
    {"stop", &kStop},
    {"top", &kTop},
    {"umount", &kUnmount, Group::kNested, /*alias=*/true},
    {"unmount", &kUnmount},
    {"unpause", &kUnpause},
    {"wait", &kWait},
};

}  // namespace

constexpr Command kContainer = {
    .name = "container",
    .usage = "COMMAND",
    .summary = "Commands on containers",
    .description = "Most of them stand at the top level too: 'coracle container run' is 'coracle run'.",
    .children = kContainerNodes,
};

constexpr Command kLogs = {
    .name = "logs",
    .usage = "[options] CONTAINER...",
    .summary = "Show what containers have printed",
    .description = "What went to standard output and to standard error appears on the same of coracle.",
    .examples = kLogsExamples,
    .options = kLogsOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "latest",
    .completes = Completes::kContainers,
    .run = CmdLogs,
};

constexpr Command kPort = {
    .name = "port",
    .usage = "[options] CONTAINER [PORT[/PROTOCOL]]",
    .summary = "Show where a container's ports are reachable",
    .description = "One line for each published port.",
    .examples = kPortExamples,
    .options = kPortOptions,
    .min_args = 1,
    .max_args = 2,
    .args_waived_by = "all,latest",
    .completes = Completes::kContainers,
    .run = CmdPort,
};

constexpr Command kPs = {
    .name = "ps",
    .usage = "[options]",
    .summary = "List containers",
    .description = "Lists the containers that run, the newest first.",
    .examples = kPsExamples,
    .options = kPsOptions,
    .run = CmdPs,
};

constexpr Command kTop = {
    .name = "top",
    .usage = "[options] CONTAINER [COLUMN... | PS-OPTIONS]",
    .summary = "Show the processes of a container",
    .description =
        "Columns are chosen by name: user, group, pid, ppid, pcpu, etime, tty, time, comm, args, …",
    .examples = kTopExamples,
    .options = kTopOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "latest",
    .completes = Completes::kRunning,
    .flags = kStopAtFirstArgument,
    .run = CmdTop,
};

}  // namespace coracle::cli
