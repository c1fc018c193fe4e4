// The group `volume`.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kCreateOnly[] = {
    String("driver", 'd', "DRIVER", "Who keeps it: local").Default("local"),
    Typed(OptionType::kUint, "gid", '\0', "GID", "Group of its directory"),
    Flag("ignore", '\0', "One that exists is no error"),
    List("label", 'l', "KEY=VALUE", "Set a label on the volume"),
    String("name", '\0', "NAME", "Name of the volume").Hidden(),
    List("opt", 'o', "KEY=VALUE", "Option of the driver: type, device, o"),
    Typed(OptionType::kUint, "uid", '\0', "UID", "Owner of its directory"),
};
constexpr OptionSet kCreateOptions[] = {kCreateOnly};
constexpr Example kCreateExamples[] = {
    {"volume create data", "a directory that outlives containers"},
    {"volume create -o type=tmpfs -o o=size=64m,nodev scratch", "in memory, while a container uses it"},
    {"volume create -o type=none -o o=bind -o device=/srv/data data", "a directory of the host"},
};
constexpr Command kVolumeCreate = {
    .name = "volume create",
    .usage = "[options] [NAME]",
    .summary = "Make a volume",
    .description = "Prints its name, which is made up of 64 hexadecimal digits if none is given.",
    .examples = kCreateExamples,
    .options = kCreateOptions,
    .max_args = 1,
    .flags = kNeedsUserns,
    .run = CmdVolumeCreate,
};

constexpr Example kExistsExamples[] = {{"volume exists data || echo none", "in a script"}};
constexpr Command kVolumeExists = {
    .name = "volume exists",
    .usage = "VOLUME",
    .summary = "Tell by the exit code whether a volume exists",
    .description = "Ends with 0 if it exists, with 1 if not, and prints nothing.",
    .examples = kExistsExamples,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kVolumes,
    .run = CmdVolumeExists,
};

constexpr Option kExportOnly[] = {
    String("output", 'o', "FILE", "Write to a file instead of standard output"),
};
constexpr OptionSet kExportOptions[] = {kExportOnly};
constexpr Example kExportExamples[] = {{"volume export data > data.tar", "its content as a tar archive"}};
constexpr Command kVolumeExport = {
    .name = "volume export",
    .usage = "[options] VOLUME",
    .summary = "Write a volume's content as a tar archive",
    .description = "The same content gives the same bytes. Never writes to a terminal.",
    .examples = kExportExamples,
    .options = kExportOptions,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kVolumes,
    .flags = kNeedsUserns,
    .run = CmdVolumeExport,
};

constexpr Example kImportExamples[] = {
    {"volume import data data.tar.gz", "unpack an archive into a volume"},
    {"volume export a | coracle volume import b -", "copy a volume"},
};
constexpr Command kVolumeImport = {
    .name = "volume import",
    .usage = "VOLUME [FILE]",
    .summary = "Unpack a tar archive into a volume",
    .description =
        "FILE is a tar archive, compressed or not; '-' or none is standard input. What the volume has "
        "already "
        "stays, unless the archive has a file of the same path.",
    .examples = kImportExamples,
    .min_args = 1,
    .max_args = 2,
    .completes = Completes::kVolumes,
    .flags = kNeedsUserns,
    .run = CmdVolumeImport,
};

constexpr Option kInspectOnly[] = {
    Flag("all", 'a', "Show all volumes"),
    String("format", 'f', "FORMAT", "json or a Go template"),
};
constexpr OptionSet kInspectOptions[] = {kInspectOnly};
constexpr Example kInspectExamples[] = {{"volume inspect -f '{{.Mountpoint}}' data", "where it lies"}};
constexpr Command kVolumeInspect = {
    .name = "volume inspect",
    .usage = "[options] VOLUME...",
    .summary = "Show everything about volumes, as JSON",
    .description = "An array with one object for each volume, or a template's text for each.",
    .examples = kInspectExamples,
    .options = kInspectOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all",
    .completes = Completes::kVolumes,
    .run = CmdVolumeInspect,
};

constexpr Option kLsOnly[] = {
    List("filter", 'f', "KEY=VALUE",
         "Show only matches: after, anonymous, dangling, driver, label, name, opt, scope, since, until"),
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Flag("noheading", 'n', "Leave out the headings"),
    Flag("quiet", 'q', "Show names only"),
};
constexpr OptionSet kLsOptions[] = {kLsOnly};
constexpr Example kLsExamples[] = {
    {"volume ls", "what there is"},
    {"volume ls -q --filter dangling=true", "names of those that no container uses"},
};
constexpr Command kVolumeLs = {
    .name = "volume ls",
    .usage = "[options]",
    .summary = "List volumes",
    .description = "Lists the volumes in the store by name.",
    .examples = kLsExamples,
    .options = kLsOptions,
    .run = CmdVolumeLs,
};

constexpr Example kMountExamples[] = {{"volume mount data", "where its content is"}};
constexpr Command kVolumeMount = {
    .name = "volume mount",
    .usage = "VOLUME...",
    .summary = "Print where the content of volumes is on the host",
    .description =
        "A volume that is a file system is mounted first, until 'coracle volume unmount'; any other is there "
        "anyway.",
    .examples = kMountExamples,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kVolumes,
    .flags = kNeedsUserns,
    .run = CmdVolumeMount,
};
constexpr Example kUnmountExamples[] = {{"volume unmount data", "the opposite of 'volume mount'"}};
constexpr Command kVolumeUnmount = {
    .name = "volume unmount",
    .usage = "VOLUME...",
    .summary = "Undo 'volume mount'",
    .description = "Prints the names. A volume that is not mounted is fine.",
    .examples = kUnmountExamples,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kVolumes,
    .flags = kNeedsUserns,
    .run = CmdVolumeUnmount,
};

constexpr Option kPruneOnly[] = {
    Flag("all", 'a', "Named volumes too, as happens anyway"),
    Flag("dry-run", '\0', "Only print what would be removed"),
    List("filter", '\0', "KEY=VALUE", "Remove only matches: after, anonymous, label, label!, since, until"),
    Flag("force", 'f', "Do not ask"),
};
constexpr OptionSet kPruneOptions[] = {kPruneOnly};
constexpr Example kPruneExamples[] = {{"volume prune -f", "all that no container uses"}};
constexpr Command kVolumePrune = {
    .name = "volume prune",
    .usage = "[options]",
    .summary = "Remove volumes that no container uses",
    .description = "Removes named and anonymous ones. Asks first when standard input is a terminal.",
    .examples = kPruneExamples,
    .options = kPruneOptions,
    .flags = kNeedsUserns,
    .run = CmdVolumePrune,
};

constexpr Option kRmOnly[] = {
    Flag("all", 'a', "Remove all volumes"),
    Flag("force", 'f', "Stop and remove the containers that use it too; a missing volume is no error"),
    Typed(OptionType::kInt, "time", 't', "SECONDS", "With --force: time between the stop signal and SIGKILL")
        .Default("10"),
};
constexpr OptionSet kRmOptions[] = {kRmOnly};
constexpr Example kRmExamples[] = {{"volume rm data", "with all that is in it"}};
constexpr Command kVolumeRm = {
    .name = "volume rm",
    .usage = "[options] VOLUME...",
    .summary = "Remove volumes",
    .description = "One that a container uses, running or not, only with --force.",
    .examples = kRmExamples,
    .options = kRmOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all",
    .completes = Completes::kVolumes,
    .flags = kNeedsUserns,
    .run = CmdVolumeRm,
};

constexpr Node kVolumeNodes[] = {
    {"create", &kVolumeCreate},   {"exists", &kVolumeExists},
    {"export", &kVolumeExport},   {"import", &kVolumeImport},
    {"inspect", &kVolumeInspect}, {"list", &kVolumeLs, Group::kNested, /*alias=*/true},
    {"ls", &kVolumeLs},           {"mount", &kVolumeMount},
    {"prune", &kVolumePrune},     {"remove", &kVolumeRm, Group::kNested, /*alias=*/true},
    {"rm", &kVolumeRm},           {"unmount", &kVolumeUnmount},
};

}  // namespace

constexpr Command kVolume = {
    .name = "volume",
    .usage = "COMMAND",
    .summary = "Commands on volumes",
    .description = "A volume is a directory with a name that outlives the containers that mount it.",
    .children = kVolumeNodes,
};

}  // namespace coracle::cli
