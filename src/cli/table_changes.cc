// Commands on what containers wrote.
#include "cli/commands_storage.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kCommitOnly[] = {
    String("author", 'a', "NAME", "Author of the image"),
    List("change", 'c', "INSTRUCTION",
         "Set a property by an instruction: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, …"),
    String("config", '\0', "FILE", "Take the configuration from a file").NotYet(),
    String("format", 'f', "FORMAT", "Of the manifest: oci or docker").Default("oci"),
    String("iidfile", '\0', "FILE", "Write the image's id to a file"),
    Flag("include-volumes", '\0', "Mount points of volumes become volumes of the image"),
    String("message", 'm', "TEXT", "Comment for the image's history"),
    Flag("no-pause", '\0', "The same as --pause=false").Hidden(),
    Flag("pause", 'p', "A running container stands still while its files are copied").Default("true"),
    Flag("quiet", 'q', "Print no progress"),
    Flag("squash", 's', "Make one layer of everything"),
};
constexpr OptionSet kCommitOptions[] = {kCommitOnly};
constexpr Example kCommitExamples[] = {
    {"commit web web:patched", "what it changed, as a new image"},
    {"commit -c 'CMD [\"nginx\"]' -m 'by hand' web web:2", "with a command of its own"},
};

constexpr Option kDiffOnly[] = {
    String("format", '\0', "FORMAT", "json"),
    Flag("latest", 'l', "Of the newest container"),
};
constexpr OptionSet kDiffOptions[] = {kDiffOnly};
constexpr Example kDiffExamples[] = {
    {"diff web", "what the container changed in its image"},
    {"diff debian:12 debian:11", "what differs between two images"},
};

constexpr Option kExportOnly[] = {String("output", 'o', "FILE", "Write the archive to a file")};
constexpr OptionSet kExportOptions[] = {kExportOnly};
constexpr Example kExportExamples[] = {{"export -o web.tar web", "its root file system"}};

}  // namespace

constexpr Command kCommit = {
    .name = "commit",
    .usage = "[options] CONTAINER [IMAGE]",
    .summary = "Make an image of a container",
    .description =
        "The image is the container's own with one layer more, which has what the container wrote; volumes "
        "are not part of it. A name that another image has moves to the new one. Prints the image's id.",
    .examples = kCommitExamples,
    .options = kCommitOptions,
    .min_args = 1,
    .max_args = 2,
    .completes = Completes::kContainers,
    .flags = kNeedsUserns,
    .run = CmdCommit,
};

constexpr Command kDiff = {
    .name = "diff",
    .usage = "[options] NAME [NAME]",
    .summary = "Show what a container or image changed",
    .description =
        "One line for each path: A for what was added, C changed, D deleted. A container is compared with "
        "its "
        "image, an image with its lower layers, or both with a second container or image.",
    .examples = kDiffExamples,
    .options = kDiffOptions,
    .min_args = 1,
    .max_args = 2,
    .args_waived_by = "latest",
    .completes = Completes::kObjects,
    .flags = kNeedsUserns,
    .run = CmdDiff,
};

constexpr Command kExport = {
    .name = "export",
    .usage = "[options] CONTAINER",
    .summary = "Write a container's root file system as a tar archive",
    .description = "To standard output, or to a file with --output. Volumes are not part of it.",
    .examples = kExportExamples,
    .options = kExportOptions,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kContainers,
    .flags = kNeedsUserns,
    .run = CmdExport,
};

}  // namespace coracle::cli
