// Commands that move images between the store, archives, directories and registries.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kSaveOnly[] = {
    Flag("compress", '\0', "Compress layers that are not; not for docker-archive"),
    String("format", '\0', "FORMAT", "docker-archive, oci-archive, docker-dir or oci-dir")
        .Default("docker-archive"),
    Flag("multi-image-archive", 'm', "Every argument is an image, none a further name of the first"),
    String("output", 'o', "FILE", "Write to a file or directory instead of standard output"),
    CsvList("platform", '\0', "PLATFORM", "Which platform of an image to save").NotYet(),
    Flag("quiet", 'q', "Print no progress"),
    Flag("uncompressed", '\0', "Take layers as they are, compressed or not: what happens anyway"),
    String("signature-policy", '\0', "FILE", "Trust policy").NotYet().Hidden(),
};
constexpr OptionSet kSaveOptions[] = {kSaveOnly};
constexpr Example kSaveExamples[] = {
    {"save -o debian.tar debian:12", "an archive that docker load and podman load take"},
    {"save --format oci-archive -o two.tar debian busybox", "two images, bit for bit as they were pulled"},
    {"save debian | ssh host docker load", "over a pipe"},
};

constexpr Option kLoadOnly[] = {
    String("input", 'i', "FILE", "Read from a file or directory instead of standard input"),
    CsvList("platform", '\0', "PLATFORM", "Which platform of a multi-platform image to load"),
    Flag("quiet", 'q', "Print no progress"),
    String("signature-policy", '\0', "FILE", "Trust policy").NotYet().Hidden(),
};
constexpr OptionSet kLoadOptions[] = {kLoadOnly};
constexpr Example kLoadExamples[] = {
    {"load -i debian.tar", "what docker save, podman save, skopeo or buildah wrote"},
    {"load < images.tar.zst", "from standard input, compressed or not"},
};

}  // namespace

constexpr Command kSave = {
    .name = "save",
    .usage = "[options] IMAGE...",
    .summary = "Write images into an archive or directory",
    .description =
        "Writes names, configs and layers, so that load (docker's and podman's too) makes the same images "
        "again. "
        "In oci-archive and oci-dir manifests and layers are bit for bit those that were pulled or loaded; a "
        "docker-archive has uncompressed layers. Of several arguments each is an image; one that is none "
        "becomes a "
        "further name of the first.",
    .examples = kSaveExamples,
    .options = kSaveOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kImages,
    .flags = kNeedsUserns,
    .run = CmdSave,
};

constexpr Command kLoad = {
    .name = "load",
    .usage = "[options]",
    .summary = "Read images from an archive or directory",
    .description =
        "Takes docker-archive and oci-archive, compressed or not, and the directories that save writes. "
        "Prints the name of each image, or its id if it has none.",
    .examples = kLoadExamples,
    .options = kLoadOptions,
    .completes = Completes::kFiles,
    .flags = kNeedsUserns,
    .run = CmdLoad,
};

}  // namespace coracle::cli
