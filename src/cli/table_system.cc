// Commands about coracle itself, and inspect, which takes objects of any kind.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kFormat[] = {String("format", 'f', "FORMAT", "json or a Go template")};
constexpr OptionSet kFormatOptions[] = {kFormat};
constexpr Example kInfoExamples[] = {{"info -f '{{.host.cgroupVersion}}'", "one field"}};
constexpr Example kVersionExamples[] = {{"version -f '{{.Client.Version}}'", "the number only"}};

constexpr Option kInspectOnly[] = {
    String("format", 'f', "FORMAT", "json or a Go template"),
    Flag("size", 's', "Add the size of what containers have written"),
    String("type", 't', "KIND", "Look only for this kind: container, image, all").Default("all"),
    Flag("latest", 'l', "Show the newest container"),
};
constexpr OptionSet kInspectOptions[] = {kInspectOnly};
constexpr Example kInspectExamples[] = {
    {"inspect web", "a container or an image, as JSON"},
    {"inspect -f '{{.State.Pid}}' web", "one field"},
};

constexpr Example kCompletionExamples[] = {
    {"completion bash > ~/.local/share/bash-completion/completions/coracle", "for bash"},
    {"completion fish > ~/.config/fish/completions/coracle.fish", "for fish"},
};

constexpr Node kSystemNodes[] = {
    {"df", &kSystemDf},       {"events", &kEvents},     {"info", &kInfo},
    {"prune", &kSystemPrune}, {"reset", &kSystemReset},
};

}  // namespace

constexpr Command kComplete = {
    .name = "__complete",
    .usage = "KIND",
    .summary = "Print the names that a completion offers",
    .description = "KIND is containers, running, images or volumes.",
    .min_args = 1,
    .max_args = 1,
    .flags = kHidden,
    .run = CmdComplete,
};

constexpr Command kCompletion = {
    .name = "completion",
    .usage = "SHELL",
    .summary = "Print the completion script of a shell: bash, zsh or fish",
    .description = "The packages install the scripts where the shells look for them.",
    .examples = kCompletionExamples,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kShells,
    .flags = kNoStore,
    .run = CmdCompletion,
};

constexpr Command kHelp = {
    .name = "help",
    .usage = "[COMMAND...]",
    .summary = "Explain a command",
    .description = "The same as 'coracle COMMAND --help'.",
    .max_args = -1,
    .completes = Completes::kCommands,
    .flags = kNoStore,
    .run = CmdHelp,
};

constexpr Command kInfo = {
    .name = "info",
    .usage = "[options]",
    .summary = "Show what this host offers to containers",
    .description = "Storage, cgroups, namespaces, security modules, and where the store is.",
    .examples = kInfoExamples,
    .options = kFormatOptions,
    .flags = kNeedsUserns,
    .run = CmdInfo,
};

constexpr Command kInspect = {
    .name = "inspect",
    .usage = "[options] NAME...",
    .summary = "Show everything about containers or images, as JSON",
    .description = "A name is looked for among containers first, then among images.",
    .examples = kInspectExamples,
    .options = kInspectOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "latest",
    .completes = Completes::kObjects,
    .run = CmdInspect,
};

constexpr Command kMan = {
    .name = "__man",
    .usage = "DIR",
    .summary = "Write the manual pages into a directory",
    .description = "Used by the build.",
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kFiles,
    .flags = kHidden | kNoStore,
    .run = CmdMan,
};

constexpr Command kSystem = {
    .name = "system",
    .usage = "COMMAND",
    .summary = "Commands on coracle and its store",
    .description = "'coracle system info' is 'coracle info'.",
    .children = kSystemNodes,
};

constexpr Command kVersion = {
    .name = "version",
    .usage = "[options]",
    .summary = "Show the version",
    .description = "There is no server: what docker calls client and server is the same program here.",
    .examples = kVersionExamples,
    .options = kFormatOptions,
    .flags = kNoStore,
    .run = CmdVersion,
};

}  // namespace coracle::cli
