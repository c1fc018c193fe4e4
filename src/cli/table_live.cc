// Commands that watch what goes on: events and stats.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kEventsOnly[] = {
    List("filter", 'f', "KEY=VALUE",
         "Show only matches: container, event, image, label, network, type, volume"),
    String("format", '\0', "FORMAT", "json for an object a line, or a Go template"),
    Flag("no-trunc", '\0', "Show whole ids").Default("true"),
    String("since", '\0', "TIME",
           "Also what happened from this time on: 2024-05-01T10:00, Unix seconds, 10m"),
    Flag("stream", '\0', "Go on with what happens from now on").Default("true"),
    String("until", '\0', "TIME", "End at this time"),
};
constexpr OptionSet kEventsOptions[] = {kEventsOnly};
constexpr Example kEventsExamples[] = {
    {"events --since 10m --stream=false", "what happened in the last ten minutes"},
    {"events -f event=died --format '{{.Name}} {{.ContainerExitCode}}'", "which containers end, and how"},
};

constexpr Option kStatsOnly[] = {
    Flag("all", 'a', "Show containers that do not run, too"),
    String("format", '\0', "FORMAT", "json, a Go template, or 'table' and a Go template"),
    Typed(OptionType::kUint, "interval", 'i', "SECONDS", "Time between two looks").Default("5"),
    Flag("latest", 'l', "Show the newest container"),
    Flag("no-reset", '\0', "Do not clear the screen before each look"),
    Flag("no-stream", '\0', "Look once only"),
    Flag("no-trunc", '\0', "Show whole ids"),
};
constexpr OptionSet kStatsOptions[] = {kStatsOnly};
constexpr Example kStatsExamples[] = {
    {"stats --no-stream", "what all running containers use now"},
    {"stats --format '{{.Name}} {{.NetIO}}' web", "one column of one container, again and again"},
};

}  // namespace

constexpr Command kEvents = {
    .name = "events",
    .usage = "[options]",
    .summary = "Show what happens to containers, images, volumes and networks",
    .description =
        "A line for each event, as it happens. What happened since the start of the machine is kept, up to "
        "two "
        "megabytes of it, for --since and --until.",
    .examples = kEventsExamples,
    .options = kEventsOptions,
    .run = CmdEvents,
};

constexpr Command kStats = {
    .name = "stats",
    .usage = "[options] [CONTAINER...]",
    .summary = "Show what running containers use of the machine",
    .description =
        "CPU, memory, network and disk of the named containers, or of all that run. Without a cgroup that "
        "counts "
        "it, what the container's processes use is added up.",
    .examples = kStatsExamples,
    .options = kStatsOptions,
    .max_args = -1,
    .completes = Completes::kRunning,
    .run = CmdStats,
};

}  // namespace coracle::cli
