// healthcheck.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Example kHealthcheckRunExamples[] = {
    {"healthcheck run web && echo fine", "the exit code tells"},
};

constexpr Command kHealthcheckRun = {
    .name = "healthcheck run",
    .usage = "CONTAINER",
    .summary = "Check a container's health now",
    .description =
        "The exit code is 0 if the check passed, 1 if it failed, 125 if there was none: the container has no "
        "health check, or does not run. The result counts as those of the checks by time do.",
    .examples = kHealthcheckRunExamples,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kRunning,
    .flags = kEntersContainer,
    .run = CmdHealthcheckRun,
};

constexpr Node kHealthcheckNodes[] = {{"run", &kHealthcheckRun}};

}  // namespace

constexpr Command kHealthcheck = {
    .name = "healthcheck",
    .usage = "COMMAND",
    .summary = "Health checks of containers",
    .description =
        "A container is checked by the command that 'run --health-cmd' or its image's HEALTHCHECK gives. Its "
        "monitor does so while it runs; 'ps' and 'inspect' show what was found.",
    .children = kHealthcheckNodes,
};

}  // namespace coracle::cli
