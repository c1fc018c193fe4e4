// `build`, and the groups `builder` and `buildx`.
#include "cli/commands.h"
#include "cli/limit_rows.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kGeneral[] = {
    List("allow", '\0', "ENTITLEMENT", "Allow steps to ask for it: security.insecure, network.host"),
    List("annotation", '\0', "KEY=VALUE", "Add an annotation to the image's manifest"),
    List("build-arg", '\0', "NAME[=VALUE]", "Value of an ARG; without a value that of the environment"),
    List("build-arg-file", '\0', "FILE", "Read build arguments from a file, one NAME=VALUE a line"),
    List("build-context", '\0', "NAME=PLACE",
         "A further context: a directory, a URL, docker-image://NAME, oci-layout://DIR"),
    List("cache-from", '\0', "PLACE",
         "Where more steps are known: NAME, type=registry,ref=NAME, type=local,src=DIR"),
    List("cache-to", '\0', "PLACE", "Where the steps' results are sent: as --cache-from"),
    Flag("check", '\0', "Look for problems in the Dockerfile, and build nothing"),
    Flag("debug-shell", '\0', "Keep what a failed RUN leaves as an image, and say how to open a shell in it"),
    List("file", 'f', "FILE", "The Dockerfile; -: standard input"),
    String("format", '\0', "FORMAT", "Format of the image: oci, docker").Default("oci"),
    String("ignorefile", '\0', "FILE", "Use it in place of .containerignore and .dockerignore"),
    String("iidfile", '\0', "FILE", "Write the image's id to a file"),
    Typed(OptionType::kInt, "jobs", '\0', "COUNT", "Stages at once; 0: as many as there are CPUs")
        .Default("0"),
    List("label", '\0', "KEY=VALUE", "Set a label of the image"),
    String("metadata-file", '\0', "FILE", "Write what was built to a file, as JSON"),
    Flag("no-cache", '\0', "Run every step anew"),
    List("no-cache-filter", '\0', "STAGE", "Run the steps of that stage anew"),
    List("output", 'o', "DEST", "Send the result there: DIR, or type=local|tar|oci|docker|image,dest=PLACE"),
    List("platform", '\0', "OS/ARCH[/VARIANT]", "Platform of the image; several make a list"),
    String("progress", '\0', "STYLE", "How progress is shown: auto, plain, tty, rawjson, quiet")
        .Default("auto"),
    [] {
      Option pull = Typed(OptionType::kOptional, "pull", '\0', "POLICY",
                          "When base images are fetched: missing, always, newer, never");
      pull.initial = "missing";
      pull.implied = "always";
      return pull;
    }(),
    Flag("push", '\0', "Push the image under its names when it is built"),
    Flag("quiet", 'q', "Print the image's id only"),
    List("secret", '\0', "id=ID[,src=FILE|,env=NAME]", "A secret that RUN --mount=type=secret may ask for"),
    String("source-date-epoch", '\0', "SECONDS", "Every time that is recorded (also $SOURCE_DATE_EPOCH)"),
    Flag("squash", '\0', "Make one layer of all that the build adds"),
    Flag("squash-all", '\0', "Make one layer of everything").NotYet("false"),
    List("ssh", '\0', "default|ID=SOCKET", "An agent's socket that RUN --mount=type=ssh may ask for"),
    List("tag", 't', "NAME", "Name of the image; may be given several times"),
    String("target", '\0', "STAGE", "The stage to build; the last one otherwise"),
    Alias("timestamp", "source-date-epoch"),
};

constexpr Option kSteps[] = {
    List("add-host", '\0', "NAME:ADDRESS", "Add an entry to /etc/hosts of the steps").In(Section::kNetwork),
    CsvList("dns", '\0', "ADDRESS", "DNS server of the steps").In(Section::kNetwork),
    CsvList("dns-option", '\0', "OPTION", "Option of the steps' resolver").In(Section::kNetwork),
    CsvList("dns-search", '\0', "DOMAIN", "Search domain of the steps' resolver").In(Section::kNetwork),
    Flag("http-proxy", '\0', "Hand on the proxy variables of the environment")
        .In(Section::kNetwork)
        .Default("true"),
    String("network", '\0', "MODE",
           "Network of the steps: NAME, bridge, pasta, slirp4netns, host, none; default: as for run")
        .In(Section::kNetwork)
        .Default("default"),
    Alias("net", "network"),
    CsvList("cap-add", '\0', "CAPABILITY", "Add a capability; ALL for all").In(Section::kSecurity),
    CsvList("cap-drop", '\0', "CAPABILITY", "Drop a capability; ALL for all").In(Section::kSecurity),
    Flag("privileged", '\0', "Run the steps without any confinement")
        .In(Section::kSecurity)
        .Hidden()
        .NotYet("false"),
    List("security-opt", '\0', "OPTION", "seccomp=FILE, mask=PATH, unmask=PATH, label=…, apparmor=…")
        .In(Section::kSecurity),
    List("sysctl", '\0', "NAME=VALUE", "Set a kernel parameter of the steps' namespaces")
        .In(Section::kSecurity)
        .Hidden(),
    String("isolation", '\0', "KIND",
           "How steps are kept apart: oci, or chroot where namespaces are forbidden")
        .In(Section::kSecurity)
        .Default("oci"),
    String("runtime", '\0', "PROGRAM", "OCI runtime of the steps").In(Section::kSecurity).NotYet("coracle"),
    Typed(OptionType::kSize, "shm-size", '\0', "SIZE", "Size of /dev/shm of the steps")
        .In(Section::kResources),
    List("device", '\0', "DEVICE", "Make a device available to the steps").In(Section::kSecurity),
    List("volume", 'v', "HOST:CONTAINER", "Mount a directory in the steps").In(Section::kStorage),
    String("userns", '\0', "MODE", "User namespace of the steps").In(Section::kNamespaces).NotYet("host"),
    String("pid", '\0', "MODE", "PID namespace of the steps").In(Section::kNamespaces).NotYet("private"),
    String("ipc", '\0', "MODE", "IPC namespace of the steps").In(Section::kNamespaces).NotYet("private"),
    String("uts", '\0', "MODE", "UTS namespace of the steps").In(Section::kNamespaces).NotYet("private"),
    String("cgroupns", '\0', "MODE", "Cgroup namespace of the steps")
        .In(Section::kNamespaces)
        .NotYet("private"),
};

constexpr Option kRegistry[] = {
    String("arch", '\0', "ARCH", "Architecture of the image").In(Section::kImage),
    String("authfile", '\0', "FILE", "Credentials for registries").In(Section::kImage),
    String("cert-dir", '\0', "DIR", "Certificates for registries").In(Section::kImage),
    String("creds", '\0', "USER[:PASSWORD]", "Credentials for the registry").In(Section::kImage),
    String("os", '\0', "OS", "Operating system of the image").In(Section::kImage),
    String("retry", '\0', "COUNT", "Further attempts to fetch an image").In(Section::kImage).Default("3"),
    String("retry-delay", '\0', "TIME", "Wait before the first of them; doubles each time")
        .In(Section::kImage),
    Flag("tls-verify", '\0', "Check the registry's certificate").In(Section::kImage).Default("true"),
    String("variant", '\0', "VARIANT", "Variant of the image's architecture").In(Section::kImage),
    Flag("all-platforms", '\0', "Build for every platform of the base").In(Section::kImage).NotYet("false"),
    String("manifest", '\0', "NAME", "Add the image to that list").In(Section::kImage),
};

// Of docker, podman or buildah: what they ask for happens anyway, or is not there yet.
constexpr Option kOthers[] = {
    List("attest", '\0', "TYPE[,KEY=VALUE]", "Attach type=sbom or type=provenance").Hidden(),
    String("builder", '\0', "NAME", "Builder instance of buildx").Hidden().NotYet("default"),
    String("cache-ttl", '\0', "TIME", "Steps that are older are run anew").Hidden().NotYet(),
    String("call", '\0', "METHOD", "What to do: build, check").Hidden().NotYet("build"),
    Flag("compress", '\0', "Of docker; has no effect").Hidden(),
    Flag("disable-compression", 'D', "Layers of the store are not compressed").Hidden().Default("true"),
    Flag("disable-content-trust", '\0', "Of docker; has no effect").Hidden().Default("true"),
    List("env", '\0', "NAME=VALUE", "Set a variable of the image").Hidden(),
    Flag("force-rm", '\0', "Nothing is left of steps").Hidden().Default("true"),
    String("from", '\0', "IMAGE", "Base in place of the first FROM's").Hidden(),
    Flag("identity-label", '\0', "Add a label with the builder's version").Hidden().NotYet("false"),
    Flag("layers", '\0', "Keep what the steps make for later builds").Hidden().Default("true"),
    Flag("load", '\0', "The image is in the store anyway").Hidden(),
    String("logfile", '\0', "FILE", "Write the progress to a file").Hidden().NotYet(),
    Flag("no-hosts", '\0', "No /etc/hosts for the steps").Hidden(),
    Flag("omit-history", '\0', "Leave out the history").Hidden(),
    String("provenance", '\0', "BOOL|KEY=VALUE", "Attach how it was built: mode=min, mode=max").Hidden(),
    Flag("rewrite-timestamp", '\0', "--source-date-epoch does that").Hidden(),
    Flag("rm", '\0', "Nothing is left of steps").Hidden().Default("true"),
    String("sbom", '\0', "BOOL", "Attach the list of packages in it").Hidden(),
    String("sign-by", '\0', "KEY", "Sign with a GPG key").Hidden().NotYet(),
    String("signature-policy", '\0', "FILE", "Policy of signatures").Hidden().NotYet(),
    Flag("skip-unused-stages", '\0', "Stages that the target does not need are not built")
        .Hidden()
        .Default("true")
        .NotYet("true"),
    Flag("stdin", '\0', "Hand standard input on to the steps").Hidden().NotYet("false"),
    List("unsetenv", '\0', "NAME", "Leave out a variable of the image").Hidden(),
    List("unsetlabel", '\0', "KEY", "Leave out a label of the base").Hidden(),
};

constexpr OptionSet kBuildOptions[] = {kGeneral, kSteps, kLimitRows, kRegistry, kOthers};
constexpr Example kBuildExamples[] = {
    {"build -t web .", "the Dockerfile or Containerfile of this directory"},
    {"build -t web -f deploy/Dockerfile --target app .", "another file, one of its stages"},
    {"build --secret id=token,src=token.txt .", "a secret that no layer keeps"},
    {"build -t x - < Dockerfile", "a Dockerfile without a context"},
};

constexpr Option kPruneOnly[] = {
    Flag("all", 'a', "What images use too, and the directories of cache mounts"),
    List("filter", '\0', "until=TIME", "Only what was not used since"),
    Flag("force", 'f', "Do not ask"),
    Typed(OptionType::kSize, "keep-storage", '\0', "SIZE", "Keep the most recently used, up to this size"),
    Alias("max-used-space", "keep-storage"),
};
constexpr OptionSet kPruneOptions[] = {kPruneOnly};
constexpr Example kPruneExamples[] = {
    {"builder prune -f --filter until=168h", "what was not used for a week"}};

constexpr Command kBuilderPrune = {
    .name = "builder prune",
    .usage = "[options]",
    .summary = "Remove what builds keep of their steps",
    .description = "Without --all, steps whose layer an image has stay: they cost nothing.",
    .examples = kPruneExamples,
    .options = kPruneOptions,
    .flags = kNeedsUserns,
    .run = CmdBuilderPrune,
};

constexpr Node kBuilderNodes[] = {{"build", &kBuild}, {"prune", &kBuilderPrune}};
constexpr Node kBuildxNodes[] = {
    {"b", &kBuild, Group::kNested, /*alias=*/true}, {"build", &kBuild}, {"prune", &kBuilderPrune}};

}  // namespace

constexpr Command kBuild = {
    .name = "build",
    .usage = "[options] [CONTEXT]",
    .summary = "Build an image from a Dockerfile",
    .description =
        "CONTEXT is the directory whose files COPY and ADD take, the current one by default; '-' reads a "
        "Dockerfile or a tar archive from standard input. Each step is taken from the cache if nothing "
        "that it depends on has changed; stages that do not need each other run side by side. Prints the "
        "image's id.",
    .examples = kBuildExamples,
    .options = kBuildOptions,
    .max_args = 1,
    .completes = Completes::kFiles,
    .flags = kNeedsUserns | kEntersContainer,
    .run = CmdBuild,
};

constexpr Command kBuilder = {
    .name = "builder",
    .usage = "COMMAND",
    .summary = "Build images, and manage what builds keep",
    .children = kBuilderNodes,
};

constexpr Command kBuildx = {
    .name = "buildx",
    .usage = "COMMAND",
    .summary = "The same under the name of docker's plugin",
    .children = kBuildxNodes,
};

}  // namespace coracle::cli
