// The group `manifest`: multi-platform images.
#include "cli/commands_archive.h"
#include "cli/registry_options.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kAccessOptions[] = {
    kAuthfileOption,
    kCertDirOption,
    kCredsOption,
    kTlsVerifyOption,
    Flag("insecure", '\0', "Allow registries without TLS").NotYet("false").Hidden(),
};

constexpr Option kNoteOptions[] = {
    List("annotation", '\0', "NAME=VALUE", "Add an annotation"),
    String("arch", '\0', "ARCH", "Architecture of the image"),
    List("features", '\0', "FEATURE", "Features of the image").NotYet(),
    String("os", '\0', "OS", "Operating system of the image"),
    String("os-version", '\0', "VERSION", "Version of the operating system"),
    String("variant", '\0', "VARIANT", "Variant of the architecture"),
};

constexpr Option kCreateOnly[] = {
    Flag("all", '\0', "Of each index add all of its images"),
    Flag("amend", 'a', "Go on with a list that is there already"),
    List("annotation", '\0', "NAME=VALUE", "Add an annotation to the list"),
};
constexpr OptionSet kCreateOptions[] = {kCreateOnly, kAccessOptions};
constexpr Example kCreateExamples[] = {
    {"manifest create app app:amd64 app:arm64", "a list of two images of the store"},
};

constexpr Option kAddOnly[] = {
    Flag("all", '\0', "Of an index add all of its images"),
    Flag("artifact", '\0', "Add files as an artifact").NotYet(),
    CsvList("os-features", '\0', "FEATURE", "Features of the operating system"),
};
constexpr OptionSet kAddOptions[] = {kAddOnly, kNoteOptions, kAccessOptions};
constexpr Example kAddExamples[] = {
    {"manifest add --all app docker://docker.io/library/debian", "every platform that another image has"},
};

constexpr Option kAnnotateOnly[] = {
    Flag("index", '\0', "Annotate the list itself"),
    CsvList("os-features", '\0', "FEATURE", "Features of the operating system"),
    String("subject", '\0', "IMAGE", "What the list is about").NotYet(),
};
constexpr OptionSet kAnnotateOptions[] = {kAnnotateOnly, kNoteOptions};
constexpr Example kAnnotateExamples[] = {
    {"manifest annotate --arch arm64 --variant v8 app app:arm64", "its platform"}};

constexpr OptionSet kInspectOptions[] = {kAccessOptions};
constexpr Example kInspectExamples[] = {
    {"manifest inspect app", "a list of one's own"},
    {"manifest inspect docker.io/library/debian", "what a registry has"},
};

constexpr Option kPushOnly[] = {
    Flag("all", '\0', "Push the images too: what happens anyway").Default("true").NotYet("true"),
    String("add-compression", '\0', "FORMAT", "Add images compressed so").NotYet(),
    String("compression-format", '\0', "FORMAT", "Compress layers that are not to gzip or zstd"),
    String("compression-level", '\0', "LEVEL", "How well").NotYet(),
    String("digestfile", '\0', "FILE", "Write the list's digest to a file"),
    Flag("force-compression", '\0', "Compress layers anew that have another format"),
    String("format", 'f', "FORMAT", "Format of list and images: oci or v2s2"),
    Flag("quiet", 'q', "Print no progress"),
    Flag("remove-signatures", '\0', "Do not push signatures; none are kept"),
    Flag("rm", '\0', "Remove the list once it is pushed"),
    Alias("purge", "rm", 'p'),
    String("sign-by", '\0', "KEY", "Sign with a GPG key").NotYet(),
    String("sign-by-sigstore", '\0', "FILE", "Sign as that file says").NotYet(),
    String("sign-by-sigstore-private-key", '\0', "FILE", "Sign with a sigstore key").NotYet(),
    String("sign-passphrase-file", '\0', "FILE", "Passphrase of the key").NotYet(),
};
constexpr OptionSet kPushOptions[] = {kPushOnly, kAccessOptions};
constexpr Example kPushExamples[] = {
    {"manifest push app docker://registry.example.com/app:1", "list and images"},
};

constexpr Option kRmOnly[] = {Flag("ignore", 'i', "A missing list is no error")};
constexpr OptionSet kRmOptions[] = {kRmOnly};
constexpr Example kRmExamples[] = {{"manifest rm app", "the list; its images stay"}};
constexpr Example kRemoveExamples[] = {{"manifest remove app app:arm64", "one entry, by image or digest"}};
constexpr Example kExistsExamples[] = {{"manifest exists app || echo none", "in a script"}};

constexpr Command kAdd = {.name = "manifest add",
                          .usage = "[options] LIST IMAGE...",
                          .summary = "Add images to a manifest list",
                          .description = "IMAGE is an image of the store, or has a transport.",
                          .examples = kAddExamples,
                          .options = kAddOptions,
                          .min_args = 2,
                          .max_args = -1,
                          .completes = Completes::kImages,
                          .flags = kNeedsUserns,
                          .run = CmdManifestAdd};
constexpr Command kAnnotate = {.name = "manifest annotate",
                               .usage = "[options] LIST [IMAGE]",
                               .summary = "Change what a list says of an image",
                               .description = "IMAGE is the name of an image in it, or its digest.",
                               .examples = kAnnotateExamples,
                               .options = kAnnotateOptions,
                               .min_args = 1,
                               .max_args = 2,
                               .completes = Completes::kImages,
                               .flags = kNeedsUserns,
                               .run = CmdManifestAnnotate};
constexpr Command kCreate = {.name = "manifest create",
                             .usage = "[options] LIST [IMAGE...]",
                             .summary = "Make a manifest list",
                             .description = "A list of images for several platforms, to be pushed.",
                             .examples = kCreateExamples,
                             .options = kCreateOptions,
                             .min_args = 1,
                             .max_args = -1,
                             .completes = Completes::kImages,
                             .flags = kNeedsUserns,
                             .run = CmdManifestCreate};
constexpr Command kExists = {.name = "manifest exists",
                             .usage = "LIST",
                             .summary = "Tell by the exit code whether a manifest list exists",
                             .description = "Ends with 0 if it exists, with 1 if not, and prints nothing.",
                             .examples = kExistsExamples,
                             .min_args = 1,
                             .max_args = 1,
                             .run = CmdManifestExists};
constexpr Command kInspect = {.name = "manifest inspect",
                              .usage = "[options] LIST",
                              .summary = "Show a manifest list, or a registry's manifest",
                              .description = "Looks here first, then in the registry.",
                              .examples = kInspectExamples,
                              .options = kInspectOptions,
                              .min_args = 1,
                              .max_args = 1,
                              .flags = kNeedsUserns,
                              .run = CmdManifestInspect};
constexpr Command kPush = {.name = "manifest push",
                           .usage = "[options] LIST [DESTINATION]",
                           .summary = "Push a manifest list with its images",
                           .description = "DESTINATION is a name, with or without a transport; else its own.",
                           .examples = kPushExamples,
                           .options = kPushOptions,
                           .min_args = 1,
                           .max_args = 2,
                           .flags = kNeedsUserns,
                           .run = CmdManifestPush};
constexpr Command kRemove = {.name = "manifest remove",
                             .usage = "LIST IMAGE...",
                             .summary = "Take images from a manifest list",
                             .description = "IMAGE is the name of an image in it, or its digest.",
                             .examples = kRemoveExamples,
                             .min_args = 2,
                             .max_args = -1,
                             .completes = Completes::kImages,
                             .flags = kNeedsUserns,
                             .run = CmdManifestRemove};
constexpr Command kRmList = {.name = "manifest rm",
                             .usage = "[options] LIST...",
                             .summary = "Remove manifest lists",
                             .description = "Their images stay.",
                             .examples = kRmExamples,
                             .options = kRmOptions,
                             .min_args = 1,
                             .max_args = -1,
                             .flags = kNeedsUserns,
                             .run = CmdManifestRm};

constexpr Node kNodes[] = {
    {"add", &kAdd},         {"annotate", &kAnnotate}, {"create", &kCreate}, {"exists", &kExists},
    {"inspect", &kInspect}, {"push", &kPush},         {"remove", &kRemove}, {"rm", &kRmList},
};

}  // namespace

constexpr Command kManifest = {
    .name = "manifest",
    .usage = "COMMAND",
    .summary = "Put multi-platform images together",
    .description = "A manifest list (an index) names an image for each of several platforms.",
    .children = kNodes,
};

}  // namespace coracle::cli
