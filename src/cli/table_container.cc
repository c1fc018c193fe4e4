// Commands that act on containers that exist.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

// Which containers, besides those that are named. start has --all without a letter.
constexpr Option kAll[] = {Flag("all", 'a', "Act on all containers")};
constexpr Option kLatest[] = {Flag("latest", 'l', "Act on the newest container")};
constexpr Option kCidfile[] = {List("cidfile", '\0', "FILE", "Read the container's id from a file")};
constexpr Option kFilter[] = {List("filter", 'f', "KEY=VALUE", "Act on the containers that match")};
constexpr Option kFilterNoLetter[] = {List("filter", '\0', "KEY=VALUE", "Act on the containers that match")};
constexpr absl::string_view kSelectors = "all,latest,cidfile,filter";

constexpr Option kDetachKeys[] = {
    String("detach-keys", '\0', "KEYS", "Keys that detach from it: 'ctrl-p,ctrl-q'; empty: none")
        .Default("ctrl-p,ctrl-q"),
};
constexpr Option kSigProxy[] = {Flag("sig-proxy", '\0', "Hand signals on to the container").Default("true")};
constexpr Option kStopTime[] = {
    Typed(OptionType::kInt, "time", 't', "SECONDS", "Time between the stop signal and SIGKILL; -1: for ever"),
    Alias("timeout", "time"),
};

constexpr Option kAttachOnly[] = {Flag("no-stdin", '\0', "Do not connect standard input")};
constexpr OptionSet kAttachOptions[] = {kAttachOnly, kDetachKeys, kSigProxy, kLatest};
constexpr Example kAttachExamples[] = {{"attach web", "detach again with ctrl-p ctrl-q"}};

constexpr Option kExecOnly[] = {
    List("cidfile", '\0', "FILE", "Read the container's id from a file"),
    Flag("detach", 'd', "Run in the background"),
    List("env", 'e', "NAME[=VALUE]", "Set a variable; without a value it is taken from here"),
    List("env-file", '\0', "FILE", "Read variables from a file"),
    Flag("interactive", 'i', "Keep standard input open"),
    Typed(OptionType::kUint, "preserve-fds", '\0', "COUNT", "Hand on this many descriptors after 0, 1 and 2")
        .Default("0"),
    Flag("privileged", '\0', "Give the process all capabilities"),
    Flag("tty", 't', "Give the process a terminal"),
    String("user", 'u', "USER[:GROUP]", "Who runs the command; names or ids"),
    String("workdir", 'w', "DIR", "Working directory inside the container"),
};
constexpr OptionSet kExecOptions[] = {kExecOnly, kDetachKeys, kLatest};
constexpr Example kExecExamples[] = {
    {"exec -it web bash", "a shell in a running container"},
    {"exec -u www-data -w /var/www web ls", "as another user, elsewhere"},
};

constexpr OptionSet kInitOptions[] = {kAll, kLatest};
constexpr Example kInitExamples[] = {
    {"init web", "prepare it, so that it can be looked at before its start"}};

constexpr Option kSignal[] = {
    String("signal", 's', "SIGNAL", "Name or number, with or without SIG").Default("KILL"),
};
constexpr OptionSet kKillOptions[] = {kSignal, kAll, kLatest, kCidfile};
constexpr Example kKillExamples[] = {{"kill -s HUP web", "have it read its configuration again"}};

constexpr OptionSet kPauseOptions[] = {kAll, kLatest, kCidfile, kFilter};
constexpr Example kPauseExamples[] = {{"pause web", "freeze every process of it"}};
constexpr Example kUnpauseExamples[] = {{"unpause web", "let it go on"}};
constexpr Example kRenameExamples[] = {{"rename web www", "the id stays"}};

constexpr Option kStopSignal[] = {
    String("signal", 's', "SIGNAL", "Signal to send instead of the container's stop signal"),
};
constexpr Option kRestartOnly[] = {Flag("running", '\0', "Act on all running containers")};
constexpr OptionSet kRestartOptions[] = {kStopTime, kStopSignal, kRestartOnly, kAll,
                                         kLatest,   kCidfile,    kFilter};
constexpr Example kRestartExamples[] = {{"restart -t 2 web", "stop it, for at most 2 seconds, and start it"}};

constexpr Option kRmOnly[] = {
    Flag("depend", '\0', "Remove the containers that depend on it too"),
    Flag("force", 'f', "Kill it first if it runs; a missing container is no error"),
    Flag("ignore", 'i', "A missing container is no error"),
    Flag("link", '\0', "Remove a link between containers").NotYet(),
    Typed(OptionType::kInt, "time", 't', "SECONDS", "With --force: time between the stop signal and SIGKILL"),
    Alias("timeout", "time"),
    Flag("volumes", 'v', "Remove its anonymous volumes too"),
};
constexpr OptionSet kRmOptions[] = {kRmOnly, kAll, kLatest, kCidfile, kFilterNoLetter};
constexpr Example kRmExamples[] = {
    {"rm web", "remove a stopped container"},
    {"rm -f web db", "even if they run"},
    {"rm -a --filter status=exited", "all that have ended"},
};

constexpr Option kStartOnly[] = {
    Flag("all", '\0', "Start all containers"),
    Flag("attach", 'a', "Show the container's output and hand on signals"),
    Flag("interactive", 'i', "Connect standard input"),
};
constexpr OptionSet kStartOptions[] = {kStartOnly, kDetachKeys, kSigProxy, kLatest, kFilter};
constexpr Example kStartExamples[] = {
    {"start web", "in the background"},
    {"start -ai shell", "in the foreground"},
};

constexpr Option kIgnore[] = {Flag("ignore", 'i', "A missing container is no error")};
constexpr OptionSet kStopOptions[] = {kStopTime, kStopSignal, kIgnore, kAll, kLatest, kCidfile, kFilter};
constexpr Example kStopExamples[] = {
    {"stop web", "its stop signal, then SIGKILL after its stop timeout"},
    {"stop -t 0 --all", "everything, at once"},
};

constexpr Option kUpdateOnly[] = {
    Typed(OptionType::kUint, "blkio-weight", '\0', "WEIGHT", "Share of block I/O, 10 to 1000"),
    Typed(OptionType::kUint, "cpu-period", '\0', "MICROSECONDS", "Period of the CPU quota"),
    Typed(OptionType::kInt, "cpu-quota", '\0', "MICROSECONDS", "CPU time in each period; -1: no limit"),
    Typed(OptionType::kUint, "cpu-rt-period", '\0', "MICROSECONDS", "Period of real-time CPU time"),
    Typed(OptionType::kInt, "cpu-rt-runtime", '\0', "MICROSECONDS", "Real-time CPU time in each period"),
    Typed(OptionType::kUint, "cpu-shares", 'c', "SHARES", "Share of CPU time when it is scarce"),
    Typed(OptionType::kFloat, "cpus", '\0', "COUNT", "Number of CPUs, 0.5 for half of one"),
    String("cpuset-cpus", '\0', "CPUS", "CPUs it may run on: 0-3,5"),
    String("cpuset-mems", '\0', "NODES", "Memory nodes it may use"),
    Typed(OptionType::kSize, "memory", 'm', "SIZE", "Limit of memory"),
    Typed(OptionType::kSize, "memory-reservation", '\0', "SIZE", "Memory left to it when memory is scarce"),
    String("memory-swap", '\0', "SIZE", "Limit of memory and swap together; -1: no limit"),
    Typed(OptionType::kInt, "memory-swappiness", '\0', "PERCENT", "Readiness to swap, 0 to 100 (cgroup v1)"),
    Typed(OptionType::kInt, "pids-limit", '\0', "COUNT", "Limit of processes and threads; -1: none"),
    String("restart", '\0', "POLICY", "When to start it again: no, on-failure[:MAX], always, unless-stopped"),
};
constexpr OptionSet kUpdateOptions[] = {kUpdateOnly, kLatest};
constexpr Example kUpdateExamples[] = {
    {"update --memory 512m --cpus 2 web", "other limits, at once"},
    {"update --restart unless-stopped web", "another restart policy"},
};

constexpr Option kWaitOnly[] = {
    CsvList("condition", '\0', "STATE",
            "What to wait for: stopped, running, paused, exited, removed, healthy, …"),
    Flag("ignore", '\0', "A missing container is no error, and counts as ended with -1"),
    String("interval", 'i', "DURATION", "Accepted for compatibility: coracle waits for the event itself")
        .Default("250ms"),
};
constexpr OptionSet kWaitOptions[] = {kWaitOnly, kLatest};
constexpr Example kWaitExamples[] = {{"wait job", "prints its exit code when it has ended"}};

constexpr Option kCpOnly[] = {
    Flag("archive", 'a', "Keep the owners; otherwise the container's user, or you, get what is copied"),
    Flag("extract", '\0', "Unpack an archive").Hidden().NotYet(),
    Flag("follow-link", 'L', "If SOURCE is a link, copy what it leads to"),
    Flag("overwrite", '\0', "A directory may replace a file, and a file a directory"),
    Flag("pause", '\0', "Has no effect").Hidden(),
    Flag("quiet", 'q', "Print no progress, as happens anyway"),
};
constexpr OptionSet kCpOptions[] = {kCpOnly};
constexpr Example kCpExamples[] = {
    {"cp web:/etc/nginx ./nginx", "a directory out of a container"},
    {"cp site/. web:/var/www/html", "what is in a directory, into one of the container"},
    {"cp web:/var/log - | tar tf -", "as a tar archive"},
};

}  // namespace

constexpr Command kAttach = {
    .name = "attach",
    .usage = "[options] CONTAINER",
    .summary = "Connect to a running container's input and output",
    .description = "What the container prints from now on is shown. Its exit code becomes that of coracle.",
    .examples = kAttachExamples,
    .options = kAttachOptions,
    .min_args = 1,
    .max_args = 1,
    .args_waived_by = "latest",
    .completes = Completes::kRunning,
    .run = CmdAttach,
};

constexpr Command kCp = {
    .name = "cp",
    .usage = "[options] SOURCE DESTINATION",
    .summary = "Copy files between a container and the host",
    .description =
        "One of both is CONTAINER:PATH, or both are; the container runs or not. A directory that is copied "
        "onto "
        "one that exists goes into it, with '/.' at its end only what is in it. '-' is a tar archive on "
        "standard "
        "input or output. A path of the host with a colon begins with './' or '/'.",
    .examples = kCpExamples,
    .options = kCpOptions,
    .min_args = 2,
    .max_args = 2,
    .completes = Completes::kContainers,
    .flags = kNeedsUserns,
    .run = CmdCp,
};

constexpr Command kExec = {
    .name = "exec",
    .usage = "[options] CONTAINER COMMAND [ARG...]",
    .summary = "Run a command in a running container",
    .description =
        "The command gets the container's namespaces, limits and security settings, and the environment "
        "that the container was made with.",
    .examples = kExecExamples,
    .options = kExecOptions,
    .min_args = 2,
    .max_args = -1,
    .args_waived_by = "latest,cidfile",
    .completes = Completes::kRunning,
    .flags = kStopAtFirstArgument | kEntersContainer,
    .run = CmdExec,
};

constexpr Command kInit = {
    .name = "init",
    .usage = "[options] CONTAINER...",
    .summary = "Prepare a container, short of starting its command",
    .description =
        "Mounts its root file system and sets up its namespaces. 'coracle start' then only starts the "
        "command.",
    .examples = kInitExamples,
    .options = kInitOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all,latest",
    .completes = Completes::kContainers,
    .flags = kNeedsUserns | kEntersContainer,
    .run = CmdInit,
};

constexpr Command kKill = {
    .name = "kill",
    .usage = "[options] CONTAINER...",
    .summary = "Send a signal to running containers",
    .description = "Sends SIGKILL, or another signal, to the first process of each container.",
    .examples = kKillExamples,
    .options = kKillOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all,latest,cidfile",
    .completes = Completes::kRunning,
    .run = CmdKill,
};

constexpr Command kPause = {
    .name = "pause",
    .usage = "[options] CONTAINER...",
    .summary = "Freeze the processes of containers",
    .description = "The cgroup freezer stops every process of the container until 'coracle unpause'.",
    .examples = kPauseExamples,
    .options = kPauseOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = kSelectors,
    .completes = Completes::kRunning,
    .run = CmdPause,
};

constexpr Command kRename = {
    .name = "rename",
    .usage = "CONTAINER NAME",
    .summary = "Give a container another name",
    .description = "The container may run meanwhile.",
    .examples = kRenameExamples,
    .min_args = 2,
    .max_args = 2,
    .completes = Completes::kContainers,
    .run = CmdRename,
};

constexpr Command kRestart = {
    .name = "restart",
    .usage = "[options] CONTAINER...",
    .summary = "Stop and start containers",
    .description = "A container that does not run is only started.",
    .examples = kRestartExamples,
    .options = kRestartOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all,latest,cidfile,filter,running",
    .completes = Completes::kContainers,
    .flags = kNeedsUserns | kEntersContainer | kStartsContainer,
    .run = CmdRestart,
};

constexpr Command kRm = {
    .name = "rm",
    .usage = "[options] CONTAINER...",
    .summary = "Remove containers",
    .description = "Removes containers with what they have written. A running one only with --force.",
    .examples = kRmExamples,
    .options = kRmOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = kSelectors,
    .completes = Completes::kContainers,
    .flags = kNeedsUserns,
    .run = CmdRm,
};

constexpr Command kStart = {
    .name = "start",
    .usage = "[options] CONTAINER...",
    .summary = "Start containers that do not run",
    .description = "Prints the name of each container it has started, unless attached.",
    .examples = kStartExamples,
    .options = kStartOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all,latest,filter",
    .completes = Completes::kContainers,
    .flags = kNeedsUserns | kEntersContainer | kStartsContainer,
    .run = CmdStart,
};

constexpr Command kStop = {
    .name = "stop",
    .usage = "[options] CONTAINER...",
    .summary = "Stop running containers",
    .description =
        "Sends the stop signal, waits, and kills what has not ended by then. Several are stopped at the same "
        "time.",
    .examples = kStopExamples,
    .options = kStopOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = kSelectors,
    .completes = Completes::kRunning,
    .run = CmdStop,
};

constexpr Command kUnpause = {
    .name = "unpause",
    .usage = "[options] CONTAINER...",
    .summary = "Let paused containers go on",
    .description = "Undoes 'coracle pause'.",
    .examples = kUnpauseExamples,
    .options = kPauseOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = kSelectors,
    .completes = Completes::kRunning,
    .run = CmdUnpause,
};

constexpr Command kUpdate = {
    .name = "update",
    .usage = "[options] CONTAINER...",
    .summary = "Change the limits and the restart policy of containers",
    .description = "What is not named stays as it is. A running container has its new limits at once.",
    .examples = kUpdateExamples,
    .options = kUpdateOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "latest",
    .completes = Completes::kContainers,
    .run = CmdUpdate,
};

constexpr Command kWait = {
    .name = "wait",
    .usage = "[options] CONTAINER...",
    .summary = "Wait until containers have ended and print their exit codes",
    .description = "One exit code a line, in the order of the arguments.",
    .examples = kWaitExamples,
    .options = kWaitOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "latest",
    .completes = Completes::kContainers,
    .run = CmdWait,
};

}  // namespace coracle::cli
