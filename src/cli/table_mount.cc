// Commands that make roots visible outside of containers.
#include "cli/commands_storage.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kRootlessNote =
    "Without root it works only inside of 'coracle unshare', since the mount would end with the command.";

constexpr Option kMountOnly[] = {
    Flag("all", 'a', "Mount all containers"),
    String("format", '\0', "FORMAT", "json: of the list"),
    Flag("latest", 'l', "Mount the newest container"),
    Flag("no-trunc", '\0', "Show whole ids"),
    Alias("notruncate", "no-trunc"),
};
constexpr OptionSet kMountOptions[] = {kMountOnly};
constexpr Example kMountExamples[] = {
    {"mount web", "prints where its root is"},
    {"mount", "what is mounted"},
};

constexpr Option kUnmountOnly[] = {
    Flag("all", 'a', "Unmount all containers"),
    Flag("force", 'f', "Unmount even if it is in use"),
    Flag("latest", 'l', "Unmount the newest container"),
};
constexpr OptionSet kUnmountOptions[] = {kUnmountOnly};
constexpr Example kUnmountExamples[] = {{"unmount web", "its root is not visible any more"}};

constexpr Option kImageMountOnly[] = {
    Flag("all", 'a', "Mount all images"),
    String("format", '\0', "FORMAT", "json: of the list"),
};
constexpr OptionSet kImageMountOptions[] = {kImageMountOnly};
constexpr Example kImageMountExamples[] = {{"image mount debian", "prints where its files are"}};

constexpr Option kImageUnmountOnly[] = {
    Flag("all", 'a', "Unmount all images"),
    Flag("force", 'f', "Unmount even if it is in use"),
};
constexpr OptionSet kImageUnmountOptions[] = {kImageUnmountOnly};
constexpr Example kImageUnmountExamples[] = {{"image unmount -a", "all that are mounted"}};

constexpr Option kUnshareOnly[] = {
    Flag("rootless-netns", '\0', "Enter the network namespace of rootless containers"),
};
constexpr OptionSet kUnshareOptions[] = {kUnshareOnly};
constexpr Example kUnshareExamples[] = {
    {"unshare", "a shell as root of your user namespace"},
    {"unshare chown -R 33:33 data", "give files to an id that a container uses"},
};

}  // namespace

constexpr Command kMount = {
    .name = "mount",
    .usage = "[options] [CONTAINER...]",
    .summary = "Mount containers' root file systems and print where; or list what is mounted",
    .description = kRootlessNote,
    .examples = kMountExamples,
    .options = kMountOptions,
    .max_args = -1,
    .completes = Completes::kContainers,
    .run = CmdMount,
};

constexpr Command kUnmount = {
    .name = "unmount",
    .usage = "[options] CONTAINER...",
    .summary = "Unmount containers' root file systems",
    .description = kRootlessNote,
    .examples = kUnmountExamples,
    .options = kUnmountOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all,latest",
    .completes = Completes::kContainers,
    .run = CmdUnmount,
};

constexpr Command kImageMount = {
    .name = "image mount",
    .usage = "[options] [IMAGE...]",
    .summary = "Mount images, read-only, and print where; or list what is mounted",
    .description = kRootlessNote,
    .examples = kImageMountExamples,
    .options = kImageMountOptions,
    .max_args = -1,
    .completes = Completes::kImages,
    .run = CmdImageMount,
};

constexpr Command kImageUnmount = {
    .name = "image unmount",
    .usage = "[options] IMAGE...",
    .summary = "Unmount images",
    .description = kRootlessNote,
    .examples = kImageUnmountExamples,
    .options = kImageUnmountOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all",
    .completes = Completes::kImages,
    .run = CmdImageUnmount,
};

constexpr Command kUnshare = {
    .name = "unshare",
    .usage = "[options] [COMMAND [ARG...]]",
    .summary = "Run a command, or a shell, inside the user namespace of rootless containers",
    .description = "There you are root, and files of your subordinate ids look as containers see them.",
    .examples = kUnshareExamples,
    .options = kUnshareOptions,
    .max_args = -1,
    .flags = kStopAtFirstArgument | kNeedsUserns,
    .run = CmdUnshare,
};

}  // namespace coracle::cli
