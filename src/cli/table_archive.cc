// Commands that move images between the store, archives, directories and registries.
#include "cli/commands.h"
#include "cli/commands_archive.h"
#include "cli/registry_options.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kSaveOnly[] = {
    Flag("compress", '\0', "Compress layers that are not; not for docker-archive"),
    String("format", '\0', "FORMAT", "docker-archive, oci-archive, docker-dir or oci-dir")
        .Default("docker-archive"),
    Flag("multi-image-archive", 'm', "Every argument is an image, none a further name of the first"),
    String("output", 'o', "FILE", "Write to a file or directory instead of standard output"),
    CsvList("platform", '\0', "PLATFORM", "Save only if the image is for that platform"),
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

constexpr Option kCopyOnly[] = {
    List("additional-tag", '\0', "NAME", "A further name, for docker-archive"),
    Flag("all", 'a', "Copy every image of an index, not only the host's"),
    String("arch", '\0', "ARCH", "Architecture to copy"),
    Alias("override-arch", "arch"),
    kAuthfileOption,
    Flag("dest-compress", '\0', "Compress layers that are not"),
    String("dest-compress-format", '\0', "FORMAT", "Compress them to gzip or zstd"),
    String("dest-compress-level", '\0', "LEVEL", "1 to 9 for gzip, 1 to 19 for zstd"),
    String("dest-authfile", '\0', "FILE", "The same for the destination"),
    String("dest-cert-dir", '\0', "DIR", "Certificates for the destination"),
    String("dest-creds", '\0', "USER[:PASSWORD]", "Credentials for the destination"),
    Flag("dest-decompress", '\0', "Decompress layers"),
    Flag("dest-force-compress-format", '\0', "Compress layers anew that have another format"),
    Flag("dest-no-creds", '\0', "Ask the destination anonymously"),
    Flag("dest-oci-accept-uncompressed-layers", '\0', "Take layers as they are: what happens anyway"),
    Flag("dest-tls-verify", '\0', "Require HTTPS and valid certificates of the destination").Default("true"),
    List("decryption-key", '\0', "FILE", "Key of encrypted layers").NotYet(),
    String("digestfile", '\0', "FILE", "Write the digest of the copy to a file"),
    List("encrypt-layer", '\0', "INDEX", "Encrypt layers").NotYet(),
    List("encryption-key", '\0', "KEY", "Key to encrypt layers with").NotYet(),
    String("format", 'f', "FORMAT", "Format of the manifest: oci or v2s2; as it is by default"),
    String("multi-arch", '\0', "WHICH", "Of an index: system or all"),
    String("os", '\0', "OS", "Operating system to copy"),
    Alias("override-os", "os"),
    String("platform", '\0', "OS/ARCH[/VARIANT]", "Platform to copy"),
    Flag("preserve-digests", '\0', "End in an error rather than change a digest"),
    Flag("quiet", 'q', "Print no progress"),
    Flag("remove-signatures", '\0', "Do not copy signatures; none are copied"),
    String("retry", '\0', "TIMES", "How often a failed request is tried again"),
    Alias("retry-times", "retry"),
    String("retry-delay", '\0', "DURATION", "Time before the first retry"),
    String("sign-by", '\0', "KEY", "Sign with a GPG key").NotYet(),
    String("sign-by-sigstore-private-key", '\0', "FILE", "Sign with a sigstore key").NotYet(),
    String("src-authfile", '\0', "FILE", "File with credentials for the source"),
    String("src-cert-dir", '\0', "DIR", "Certificates for the source"),
    String("src-creds", '\0', "USER[:PASSWORD]", "Credentials for the source"),
    Flag("src-no-creds", '\0', "Ask the source anonymously"),
    Flag("src-tls-verify", '\0', "Require HTTPS and valid certificates of the source").Default("true"),
    String("variant", '\0', "VARIANT", "Variant of the architecture to copy"),
    Alias("override-variant", "variant"),
};
constexpr OptionSet kCopyOptions[] = {kCopyOnly};
constexpr Example kCopyExamples[] = {
    {"copy docker://debian:12 oci:./debian:12", "from a registry into a directory"},
    {"copy --all docker://debian docker://registry.example.com/debian", "all platforms, between registries"},
    {"copy oci-archive:a.tar:x docker-archive:b.tar:x:latest", "from one kind of archive to another"},
};

constexpr Option kHistoryOnly[] = {
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Flag("human", 'H', "Times and sizes as people say them").Default("true"),
    Flag("no-trunc", '\0', "Show whole ids and commands"),
    Alias("notruncate", "no-trunc"),
    String("platform", '\0', "PLATFORM", "Which platform's").NotYet(),
    Flag("quiet", 'q', "Show ids only"),
};
constexpr OptionSet kHistoryOptions[] = {kHistoryOnly};
constexpr Example kHistoryExamples[] = {{"history --no-trunc debian", "whole commands"}};

constexpr Option kTreeOnly[] = {
    Flag("whatrequires", '\0', "Show what stands on the image's top layer instead"),
};
constexpr OptionSet kTreeOptions[] = {kTreeOnly};
constexpr Example kTreeExamples[] = {{"image tree debian", "its layers, and which images end in them"}};

constexpr Option kCheckOnly[] = {
    kAuthfileOption,
    kCertDirOption,
    kCredsOption,
    Flag("quiet", 'q', "Print problems only"),
    Flag("repair", 'r', "Make right what is damaged: from the blob, else from the registry"),
    kTlsVerifyOption,
};
constexpr OptionSet kCheckOptions[] = {kCheckOnly};
constexpr Example kCheckExamples[] = {{"image check --repair", "after a disk lost something"}};

constexpr Option kScpOnly[] = {Flag("quiet", 'q', "Print no progress")};
constexpr OptionSet kScpOptions[] = {kScpOnly};
constexpr Example kScpExamples[] = {
    {"image scp app:1 deploy@example.com::", "to that host"},
    {"image scp example.com::app:1", "from it"},
};

constexpr Option kInspectOnly[] = {
    kAuthfileOption,
    kCertDirOption,
    Flag("config", '\0', "Show the image's config"),
    kCredsOption,
    String("format", 'f', "FORMAT", "json or a Go template"),
    Flag("no-tags", 'n', "Do not list the repository's tags"),
    String("platform", '\0', "PLATFORM", "Which platform's image of an index"),
    Flag("raw", '\0', "Show the manifest, or the config with --config, byte for byte"),
    kTlsVerifyOption,
};
constexpr OptionSet kInspectOptions[] = {kInspectOnly};
constexpr Example kInspectExamples[] = {
    {"image inspect -f '{{.Config.Cmd}}' debian", "one field"},
    {"image inspect docker://debian", "what a registry has, without pulling it"},
    {"image inspect --raw docker://debian", "its manifest or index as it is"},
};

constexpr Option kSyncOnly[] = {
    Flag("all", 'a', "Copy every image of an index, not only the host's"),
    kAuthfileOption,
    String("dest", 'd', "TRANSPORT", "Kind of DESTINATION: docker or dir"),
    String("dest-authfile", '\0', "FILE", "Credentials for the destination"),
    String("dest-cert-dir", '\0', "DIR", "Certificates for the destination"),
    String("dest-creds", '\0', "USER[:PASSWORD]", "Credentials for the destination"),
    Flag("dest-tls-verify", '\0', "Require HTTPS and valid certificates of the destination").Default("true"),
    Flag("dry-run", '\0', "Only say what would be copied"),
    Flag("keep-going", '\0', "Go on with the next image after an error"),
    Flag("preserve-digests", '\0', "End in an error rather than change a digest"),
    Flag("quiet", 'q', "Print no progress"),
    Flag("scoped", '\0', "Keep the whole name of the source in the destination"),
    String("src", 's', "TRANSPORT", "Kind of SOURCE: docker or dir"),
    String("src-authfile", '\0', "FILE", "Credentials for the source"),
    String("src-cert-dir", '\0', "DIR", "Certificates for the source"),
    String("src-creds", '\0', "USER[:PASSWORD]", "Credentials for the source"),
    Flag("src-tls-verify", '\0', "Require HTTPS and valid certificates of the source").Default("true"),
};
constexpr OptionSet kSyncOptions[] = {kSyncOnly};
constexpr Example kSyncExamples[] = {
    {"image sync --src docker --dest dir registry.example.com/app /media/usb", "every tag into directories"},
    {"image sync --src dir --dest docker /media/usb localhost:5000", "and from there to another registry"},
};

}  // namespace

constexpr Command kCopy = {
    .name = "copy",
    .usage = "[options] SOURCE DESTINATION",
    .summary = "Copy an image between registries, archives and directories",
    .description =
        "SOURCE and DESTINATION are docker://NAME, oci:DIR[:NAME], oci-archive:FILE[:NAME], "
        "docker-archive:FILE[:NAME], dir:DIR or containers-storage:NAME. Nothing passes through the store. "
        "Manifests and layers stay bit for bit as they are wherever the destination takes them so.",
    .examples = kCopyExamples,
    .options = kCopyOptions,
    .min_args = 2,
    .max_args = 2,
    .completes = Completes::kFiles,
    .flags = kNeedsUserns,
    .run = CmdCopy,
};

constexpr Command kHistory = {
    .name = "history",
    .usage = "[options] IMAGE",
    .summary = "Show the steps that made an image",
    .description = "The last step first, with the size of its layer.",
    .examples = kHistoryExamples,
    .options = kHistoryOptions,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kImages,
    .run = CmdHistory,
};

constexpr Command kImageTree = {
    .name = "image tree",
    .usage = "[options] IMAGE",
    .summary = "Show an image's layers as a tree",
    .description = "From the bottom layer up, with the names of the images whose top layer each is.",
    .examples = kTreeExamples,
    .options = kTreeOptions,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kImages,
    .run = CmdImageTree,
};

constexpr Command kImageCheck = {
    .name = "image check",
    .usage = "[options]",
    .summary = "Verify every blob and layer in the store",
    .description =
        "Holds each blob against its digest, and each layer, file by file, against its blob. Prints a line "
        "for each problem and ends with 1 if one is left. With --repair a damaged layer is unpacked again, "
        "and a damaged blob fetched again from the registry it came from.",
    .examples = kCheckExamples,
    .options = kCheckOptions,
    .flags = kNeedsUserns,
    .run = CmdImageCheck,
};

constexpr Command kImageScp = {
    .name = "image scp",
    .usage = "[options] [HOST::]IMAGE [HOST::]",
    .summary = "Copy an image to or from another host, over ssh",
    .description =
        "HOST is what ssh takes: a name, user@name, ssh://user@name:port, or one of ~/.ssh/config; coracle "
        "has to be "
        "installed there. The image keeps its names and its digest.",
    .examples = kScpExamples,
    .options = kScpOptions,
    .min_args = 1,
    .max_args = 2,
    .completes = Completes::kImages,
    .run = CmdImageScp,
};

constexpr Command kImageSync = {
    .name = "image sync",
    .usage = "[options] SOURCE DESTINATION",
    .summary = "Copy all images of a repository or directory",
    .description =
        "A SOURCE of --src docker is a repository (all of its tags) or one image; of --src dir a directory "
        "that sync wrote. DESTINATION is a registry, perhaps with a path, or a directory.",
    .examples = kSyncExamples,
    .options = kSyncOptions,
    .min_args = 2,
    .max_args = 2,
    .completes = Completes::kFiles,
    .run = CmdImageSync,
};

constexpr Command kImageInspect = {
    .name = "image inspect",
    .usage = "[options] IMAGE...",
    .summary = "Show everything about images, as JSON",
    .description =
        "An array with one object for each image, or a template's text for each. IMAGE may have a transport "
        "(docker://NAME, oci:DIR[:NAME] and others): then an object for each is what is known there.",
    .examples = kInspectExamples,
    .options = kInspectOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kImages,
    .run = CmdImageInspect,
};

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
        "Prints the name of each image, or its id if it has none. Of several images those that were read "
        "before one fails stay.",
    .examples = kLoadExamples,
    .options = kLoadOptions,
    .completes = Completes::kFiles,
    .flags = kNeedsUserns,
    .run = CmdLoad,
};

}  // namespace coracle::cli
