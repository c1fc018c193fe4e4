// Commands on images, and the group `image`.
#include "cli/commands.h"
#include "cli/registry_options.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kImagesOnly[] = {
    Flag("all", 'a', "Show intermediate images too"),
    Flag("digests", '\0', "Show the digests"),
    List("filter", 'f', "KEY=VALUE",
         "Show only matches: before, dangling, id, label, reference, since, until"),
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Flag("no-trunc", '\0', "Show whole ids"),
    Flag("noheading", '\0', "Leave out the headings"),
    Flag("quiet", 'q', "Show ids only"),
    String("sort", '\0', "FIELD", "Order: created, id, repository, size, tag").Default("created"),
};
constexpr OptionSet kImagesOptions[] = {kImagesOnly};
constexpr Example kImagesExamples[] = {
    {"images", "what there is"},
    {"images -q --filter dangling=true", "ids of images without a name"},
};

constexpr Option kImportOnly[] = {
    List("change", 'c', "INSTRUCTION",
         "Set a property by an instruction: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, …"),
    String("message", 'm', "TEXT", "Comment for the image's history"),
    Flag("quiet", 'q', "Print no progress"),
};
constexpr OptionSet kImportOptions[] = {kImportOnly};
constexpr Example kImportExamples[] = {
    {"import rootfs.tar.gz debian:mine", "a root file system becomes an image"},
    {"import -c 'CMD [\"/bin/bash\"]' - debian < rootfs.tar", "from standard input, with a command"},
};

// Of every command that talks to a registry.
constexpr Option kRegistryOptions[] = {
    kAuthfileOption,
    kCertDirOption,
    kCredsOption,
    String("retry", '\0', "COUNT", "Further attempts after one that failed").Default("3"),
    String("retry-delay", '\0', "TIME", "Wait before the first of them; doubles each time"),
    String("signature-policy", '\0', "FILE", "Policy of signatures").Hidden().NotYet(),
    kTlsVerifyOption,
    Flag("disable-content-trust", '\0', "Of docker; has no effect").Default("true").Hidden(),
};

constexpr Option kPullOnly[] = {
    Flag("all-tags", 'a', "Pull every tag of the repository"),
    String("arch", '\0', "ARCH", "Architecture to pull"),
    Alias("override-arch", "arch"),
    List("decryption-key", '\0', "FILE", "Key of encrypted layers").NotYet(),
    String("os", '\0', "OS", "Operating system to pull"),
    Alias("override-os", "os"),
    String("platform", '\0', "OS/ARCH[/VARIANT]", "Platform to pull"),
    String("policy", '\0', "POLICY", "When to pull: always, missing, newer, never").Default("always"),
    Flag("quiet", 'q', "Print the ids only"),
    String("variant", '\0', "VARIANT", "Variant of the architecture to pull"),
    Alias("override-variant", "variant"),
};
constexpr OptionSet kPullOptions[] = {kPullOnly, kRegistryOptions};
constexpr Example kPullExamples[] = {
    {"pull debian:12", "from the registry that the name stands for"},
    {"pull --platform linux/arm64 quay.io/x/y@sha256:…", "exactly that, for another machine"},
};

constexpr Option kPushOnly[] = {
    Flag("all-tags", 'a', "Push every tag that the repository has here"),
    Flag("compress", '\0', "Compress the layers of a dir: destination").NotYet("false"),
    String("compression-format", '\0', "FORMAT", "Compression of layers: gzip, zstd"),
    String("compression-level", '\0', "LEVEL", "1 to 9 for gzip, 1 to 19 for zstd"),
    String("digestfile", '\0', "FILE", "Write the digest of the manifest that was pushed to FILE"),
    List("encrypt-layer", '\0', "INDEX", "Encrypt layers").NotYet(),
    List("encryption-key", '\0', "KEY", "Key to encrypt layers with").NotYet(),
    Flag("force-compression", '\0', "Compress layers anew that have another format"),
    String("format", 'f', "FORMAT", "Format of the manifest: oci, v2s2; as it is by default"),
    String("platform", '\0', "OS/ARCH",
           "Push only that platform: of a list its image, any other image if it is for it"),
    Flag("quiet", 'q', "Print no progress"),
    Flag("remove-signatures", '\0', "Do not push signatures; none are kept"),
    String("sign-by", '\0', "KEY", "Sign with a GPG key").NotYet(),
    String("sign-by-sigstore", '\0', "FILE", "Sign as that file says").NotYet(),
    String("sign-by-sigstore-private-key", '\0', "FILE", "Sign with a sigstore key").NotYet(),
    String("sign-passphrase-file", '\0', "FILE", "Passphrase of the key").NotYet(),
};
constexpr OptionSet kPushOptions[] = {kPushOnly, kRegistryOptions};
constexpr Example kPushExamples[] = {
    {"push web localhost:5000/web:1", "to another name"},
    {"push --compression-format zstd quay.io/x/y", "layers compressed anew"},
};

constexpr Option kRmiOnly[] = {
    Flag("all", 'a', "Remove all images"),
    Flag("force", 'f', "Remove the containers that use it too; a missing image is no error"),
    Flag("ignore", 'i', "A missing image is no error"),
    Flag("no-prune", '\0', "Keep the parents that have no name"),
};
constexpr OptionSet kRmiOptions[] = {kRmiOnly};
constexpr Example kRmiExamples[] = {{"rmi debian:old", "the name, and the image if it was its last"}};

constexpr Example kTagExamples[] = {{"tag debian:12 debian:mine", "a further name for the same image"}};
constexpr Example kUntagExamples[] = {
    {"untag debian:mine", "all names of that image"},
    {"untag debian:12 debian:mine", "only one of them"},
};

constexpr Example kExistsExamples[] = {{"image exists debian || echo none", "in a script"}};
constexpr Command kImageExists = {
    .name = "image exists",
    .usage = "IMAGE",
    .summary = "Tell by the exit code whether an image exists",
    .description = "Ends with 0 if it exists, with 1 if not, and prints nothing.",
    .examples = kExistsExamples,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kImages,
    .run = CmdImageExists,
};

constexpr Option kPruneOnly[] = {
    Flag("all", 'a', "Remove every image that no container uses, named or not"),
    List("filter", '\0', "KEY=VALUE", "Remove only matches: dangling, label, until"),
    Flag("force", 'f', "Do not ask"),
};
constexpr OptionSet kPruneOptions[] = {kPruneOnly};
constexpr Example kPruneExamples[] = {{"image prune -af", "all that is not in use"}};
constexpr Command kImagePrune = {
    .name = "image prune",
    .usage = "[options]",
    .summary = "Remove images that nobody uses",
    .description = "Removes images without a name. Asks first when standard input is a terminal.",
    .examples = kPruneExamples,
    .options = kPruneOptions,
    .flags = kNeedsUserns,
    .run = CmdImagePrune,
};

constexpr Node kImageNodes[] = {
    {"build", &kBuild},
    {"check", &kImageCheck},
    {"copy", &kCopy},
    {"diff", &kDiff},
    {"exists", &kImageExists},
    {"history", &kHistory},
    {"import", &kImport},
    {"inspect", &kImageInspect},
    {"list", &kImages},
    {"load", &kLoad},
    {"ls", &kImages, Group::kNested, /*alias=*/true},
    {"mount", &kImageMount},
    {"prune", &kImagePrune},
    {"pull", &kPull},
    {"push", &kPush},
    {"remove", &kRmi, Group::kNested, /*alias=*/true},
    {"rm", &kRmi},
    {"save", &kSave},
    {"scp", &kImageScp},
    {"search", &kSearch},
    {"sync", &kImageSync},
    {"tag", &kTag},
    {"tree", &kImageTree},
    {"umount", &kImageUnmount, Group::kNested, /*alias=*/true},
    {"unmount", &kImageUnmount},
    {"untag", &kUntag},
};

}  // namespace

constexpr Command kImage = {
    .name = "image",
    .usage = "COMMAND",
    .summary = "Commands on images",
    .description = "Several of them stand at the top level too: 'coracle image list' is 'coracle images'.",
    .children = kImageNodes,
};

constexpr Command kImages = {
    .name = "images",
    .usage = "[options] [IMAGE]",
    .summary = "List images",
    .description = "Lists the images in the store, the newest first.",
    .examples = kImagesExamples,
    .options = kImagesOptions,
    .max_args = 1,
    .completes = Completes::kImages,
    .run = CmdImages,
};

constexpr Command kImport = {
    .name = "import",
    .usage = "[options] FILE|URL [IMAGE]",
    .summary = "Make an image of a root file system in a tar archive",
    .description =
        "FILE is a tar archive, compressed or not, or '-' for standard input; or an archive is fetched from "
        "an http or "
        "https URL. Prints the image's id.",
    .examples = kImportExamples,
    .options = kImportOptions,
    .min_args = 1,
    .max_args = 2,
    .completes = Completes::kFiles,
    .flags = kNeedsUserns,
    .run = CmdImport,
};

constexpr Command kPull = {
    .name = "pull",
    .usage = "[options] IMAGE...",
    .summary = "Get images from registries",
    .description =
        "Prints the id of each. What is here already is not fetched again; what an interrupted pull had "
        "fetched "
        "is kept for the next one.",
    .examples = kPullExamples,
    .options = kPullOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kImages,
    .flags = kNeedsUserns,
    .run = CmdPull,
};

constexpr Command kPush = {
    .name = "push",
    .usage = "[options] IMAGE [DESTINATION]",
    .summary = "Send an image to a registry",
    .description =
        "Without DESTINATION to the name it has. An image that came from a registry is sent bit for bit, so "
        "that "
        "its digest stays.",
    .examples = kPushExamples,
    .options = kPushOptions,
    .min_args = 1,
    .max_args = 2,
    .completes = Completes::kImages,
    .flags = kNeedsUserns,
    .run = CmdPush,
};

constexpr Command kRmi = {
    .name = "rmi",
    .usage = "[options] IMAGE...",
    .summary = "Remove images",
    .description =
        "Removes names, and each image that has no name left. One that a container uses only with --force.",
    .examples = kRmiExamples,
    .options = kRmiOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all",
    .completes = Completes::kImages,
    .flags = kNeedsUserns,
    .run = CmdRmi,
};

constexpr Command kTag = {
    .name = "tag",
    .usage = "IMAGE NAME...",
    .summary = "Give an image further names",
    .description = "A name that another image has moves to this one.",
    .examples = kTagExamples,
    .min_args = 2,
    .max_args = -1,
    .completes = Completes::kImages,
    .run = CmdTag,
};

constexpr Command kUntag = {
    .name = "untag",
    .usage = "IMAGE [NAME...]",
    .summary = "Take names from an image",
    .description = "Takes all names without a NAME. The image stays.",
    .examples = kUntagExamples,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kImages,
    .run = CmdUntag,
};

}  // namespace coracle::cli
