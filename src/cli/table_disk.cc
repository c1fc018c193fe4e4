// Commands on the space that the store takes.
#include "cli/commands_storage.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kDfOnly[] = {
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Flag("verbose", 'v', "Every image, container and volume"),
};
constexpr OptionSet kDfOptions[] = {kDfOnly};
constexpr Example kDfExamples[] = {
    {"system df", "totals"},
    {"system df --format '{{.Type}} {{.Reclaimable}}'", "what 'system prune -a' could free"},
};

constexpr Option kPruneOnly[] = {
    Flag("all", 'a', "Remove every image that no container uses, named or not"),
    Flag("build", '\0', "Remove leftovers of builds").NotYet(),
    Flag("external", '\0', "Remove containers of other tools").NotYet(),
    List("filter", '\0', "KEY=VALUE", "Remove only matches: label, until"),
    Flag("force", 'f', "Do not ask"),
    Flag("volumes", '\0', "Remove volumes that no container uses, too"),
};
constexpr OptionSet kPruneOptions[] = {kPruneOnly};
constexpr Example kPruneExamples[] = {{"system prune -af", "all that is not in use"}};

constexpr Option kResetOnly[] = {Flag("force", 'f', "Do not ask")};
constexpr OptionSet kResetOptions[] = {kResetOnly};
constexpr Example kResetExamples[] = {{"system reset -f", "as if nothing had ever been run here"}};

}  // namespace

constexpr Command kSystemDf = {
    .name = "system df",
    .usage = "[options]",
    .summary = "Show what takes space, and what of it could go",
    .description =
        "Images are counted with their layers and the archives that they came from. What nothing refers to "
        "any more counts as reclaimable.",
    .examples = kDfExamples,
    .options = kDfOptions,
    .flags = kNeedsUserns,
    .run = CmdSystemDf,
};

constexpr Command kSystemPrune = {
    .name = "system prune",
    .usage = "[options]",
    .summary = "Remove stopped containers and images that nobody uses",
    .description = "Asks first when standard input is a terminal.",
    .examples = kPruneExamples,
    .options = kPruneOptions,
    .flags = kNeedsUserns,
    .run = CmdSystemPrune,
};

constexpr Command kSystemReset = {
    .name = "system reset",
    .usage = "[options]",
    .summary = "Remove everything: containers, volumes, networks, images",
    .description =
        "Running containers are killed, and the store's files are deleted. Asks first when standard input is "
        "a "
        "terminal. Settings and credentials stay.",
    .examples = kResetExamples,
    .options = kResetOptions,
    .flags = kNeedsUserns,
    .run = CmdSystemReset,
};

}  // namespace coracle::cli
