// `run` and `create`.
#include "cli/commands.h"
#include "cli/limit_rows.h"
#include "cli/registry_options.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

#if defined(__x86_64__)
#define CORACLE_HOST_ARCH "amd64"
#elif defined(__aarch64__)
#define CORACLE_HOST_ARCH "arm64"
#endif

constexpr Option kGeneral[] = {
    List("attach", 'a', "STREAM", "Attach only these of stdin, stdout and stderr"),
    String("cidfile", '\0', "FILE", "Write the container's id to a new file"),
    String("conmon-pidfile", '\0', "FILE", "Write the process id of the container's monitor to a file"),
    Flag("interactive", 'i', "Keep standard input open"),
    List("label", 'l', "KEY=VALUE", "Set a label on the container"),
    List("label-file", '\0', "FILE", "Read labels from a file, one KEY=VALUE a line"),
    List("annotation", '\0', "KEY=VALUE", "Add an annotation to the OCI configuration"),
    String("name", '\0', "NAME", "Name of the container; one is made up otherwise"),
    String("pidfile", '\0', "FILE", "Write the process id of the container's first process to a file"),
    String("pod", '\0', "POD", "Put the container into a pod").NotYet(),
    Flag("quiet", 'q', "Print no progress"),
    Flag("replace", '\0', "Remove a container that has the same name first"),
    CsvList("requires", '\0', "CONTAINER", "Containers that must be started before this one").NotYet(),
    String("restart", '\0', "POLICY", "When to start it again: no, on-failure[:MAX], always, unless-stopped")
        .Default("no"),
    Flag("rm", '\0', "Remove the container when it ends"),
    String("runtime", '\0', "PROGRAM", "OCI runtime to use: coracle, a name in PATH, or a path"),
    String("sdnotify", '\0', "MODE",
           "Who tells systemd that the service is ready: container, conmon, healthy, ignore")
        .Default("container"),
    String("stop-signal", '\0', "SIGNAL", "Signal that asks the container to end"),
    Typed(OptionType::kInt, "stop-timeout", '\0', "SECONDS", "Time between the stop signal and SIGKILL")
        .Default("10"),
    Typed(OptionType::kUint, "timeout", '\0', "SECONDS", "Kill the container after this time; 0: never")
        .Default("0"),
    Flag("tty", 't', "Give the container a terminal"),
};

constexpr Option kProcess[] = {
    String("entrypoint", '\0', "COMMAND", "Replace the image's entry point; a JSON array or one word")
        .In(Section::kProcess),
    List("env", 'e', "NAME[=VALUE]", "Set a variable; without a value it is taken from here")
        .In(Section::kProcess),
    List("env-file", '\0', "FILE", "Read variables from a file").In(Section::kProcess),
    Flag("env-host", '\0', "Hand on the whole environment").In(Section::kProcess),
    CsvList("group-add", '\0', "GROUP", "Further groups of the first process").In(Section::kProcess),
    String("hostname", 'h', "NAME", "Host name inside the container").In(Section::kProcess),
    String("domainname", '\0', "NAME", "NIS domain name inside the container").In(Section::kProcess),
    Flag("http-proxy", '\0', "Hand on the proxy variables of the environment")
        .In(Section::kProcess)
        .Default("true"),
    Flag("init", '\0', "Run a tiny init as process 1, which reaps and forwards signals")
        .In(Section::kProcess),
    String("systemd", '\0', "MODE", "Prepare for systemd as first process: true, false, always")
        .In(Section::kProcess)
        .Default("false")
        .NotYet("false"),
    String("tz", '\0', "ZONE", "Time zone inside the container; local: that of the host")
        .In(Section::kProcess),
    String("umask", '\0', "MODE", "File mode mask of the first process")
        .In(Section::kProcess)
        .Default("0022"),
    CsvList("unsetenv", '\0', "NAME", "Leave out a variable of the image").In(Section::kProcess),
    String("user", 'u', "USER[:GROUP]", "Who runs the command; names or ids").In(Section::kProcess),
    String("workdir", 'w', "DIR", "Working directory inside the container").In(Section::kProcess),
};

constexpr Option kImageOptions[] = {
    String("arch", '\0', "ARCH", "Architecture of the image").In(Section::kImage),
    Alias("override-arch", "arch"),
    kAuthfileOption.In(Section::kImage),
    kCertDirOption.In(Section::kImage),
    kCredsOption.In(Section::kImage),
    String("os", '\0', "OS", "Operating system of the image").In(Section::kImage),
    Alias("override-os", "os"),
    String("platform", '\0', "OS/ARCH[/VARIANT]", "Platform of the image").In(Section::kImage),
    String("pull", '\0', "POLICY", "When to fetch the image: missing, always, newer, never")
        .In(Section::kImage)
        .Default("missing"),
    String("retry", '\0', "COUNT", "Further attempts to fetch the image").In(Section::kImage).Default("3"),
    String("retry-delay", '\0', "TIME", "Wait before the first of them; doubles each time")
        .In(Section::kImage),
    Flag("rootfs", '\0', "IMAGE is a directory with a root file system").In(Section::kImage),
    kTlsVerifyOption.In(Section::kImage),
    String("variant", '\0', "VARIANT", "Variant of the image's architecture").In(Section::kImage),
    Alias("override-variant", "variant"),
};

constexpr Option kStorage[] = {
    List("device", '\0', "HOST[:CONTAINER[:rwm]]", "Make a device of the host available")
        .In(Section::kStorage),
    String("image-volume", '\0', "MODE", "What the image's volumes become: anonymous, tmpfs, ignore")
        .In(Section::kStorage)
        .Default("anonymous"),
    List("mount", '\0', "type=TYPE,…", "Mount a bind, volume, tmpfs, image, glob, devpts or ramfs")
        .In(Section::kStorage),
    Flag("read-only", '\0', "Mount the root file system read-only").In(Section::kStorage),
    Flag("read-only-tmpfs", '\0', "With --read-only: writable tmpfs on /dev, /dev/shm, /run, /tmp, /var/tmp")
        .In(Section::kStorage)
        .Default("true"),
    CsvList("secret", '\0', "SECRET", "Give the container a secret").In(Section::kStorage).NotYet(),
    Typed(OptionType::kSize, "shm-size", '\0', "SIZE", "Size of /dev/shm")
        .In(Section::kStorage)
        .Default("64m"),
    Typed(OptionType::kSize, "shm-size-systemd", '\0', "SIZE", "Size of the tmpfs mounts that systemd wants")
        .In(Section::kStorage)
        .NotYet(),
    List("storage-opt", '\0', "KEY=VALUE", "Options of the root file system's storage")
        .In(Section::kStorage)
        .NotYet(),
    List("tmpfs", '\0', "DIR[:OPTIONS]", "Mount a tmpfs").In(Section::kStorage),
    List("volume", 'v', "[SOURCE:]DIR[:OPTIONS]",
         "Mount a volume, or a directory or file of the host; z and Z change nothing")
        .In(Section::kStorage),
    String("volume-driver", '\0', "DRIVER", "Driver of volumes that are made")
        .In(Section::kStorage)
        .NotYet("local"),
    List("volumes-from", '\0', "CONTAINER[:OPTIONS]",
         "Mount the volumes and directories of another container")
        .In(Section::kStorage),
};

constexpr Option kNetwork[] = {
    List("add-host", '\0', "NAME:ADDRESS", "Add a line to /etc/hosts; host-gateway: the host's address")
        .In(Section::kNetwork),
    CsvList("dns", '\0', "ADDRESS", "Name servers of the container").In(Section::kNetwork),
    CsvList("dns-option", '\0', "OPTION", "Options of resolv.conf").In(Section::kNetwork),
    Alias("dns-opt", "dns-option"),
    CsvList("dns-search", '\0', "DOMAIN", "Domains that are searched for short names").In(Section::kNetwork),
    CsvList("expose", '\0', "PORT[/PROTOCOL]", "Say that the container listens on a port")
        .In(Section::kNetwork),
    String("ip", '\0', "ADDRESS", "IPv4 address of the container").In(Section::kNetwork),
    String("ip6", '\0', "ADDRESS", "IPv6 address of the container").In(Section::kNetwork),
    List("link", '\0', "CONTAINER[:ALIAS]", "Make another container known by name").In(Section::kNetwork),
    List("link-local-ip", '\0', "ADDRESS", "Further link-local addresses").In(Section::kNetwork).NotYet(),
    String("mac-address", '\0', "ADDRESS", "MAC address of the container").In(Section::kNetwork),
    List("network", '\0', "MODE", "NETWORK[:ip=…,alias=…], none, host, container:ID, ns:PATH, pasta")
        .In(Section::kNetwork),
    Alias("net", "network"),
    List("network-alias", '\0', "NAME", "Further names on its networks").In(Section::kNetwork),
    Alias("net-alias", "network-alias"),
    Flag("no-hostname", '\0', "Leave the image's /etc/hostname alone").In(Section::kNetwork),
    Flag("no-hosts", '\0', "Leave the image's /etc/hosts alone").In(Section::kNetwork),
    List("publish", 'p', "[[ADDRESS:]HOST:]PORT[/PROTOCOL]", "Make a port reachable from the host")
        .In(Section::kNetwork),
    Flag("publish-all", 'P', "Make every exposed port reachable at a free port of the host")
        .In(Section::kNetwork),
};

constexpr Option kNamespaces[] = {
    String("cgroupns", '\0', "MODE", "Cgroup namespace: private, host, container:ID, ns:PATH")
        .In(Section::kNamespaces),
    CsvList("gidmap", '\0', "INSIDE:OUTSIDE:COUNT", "Map group ids").In(Section::kNamespaces),
    String("ipc", '\0', "MODE", "IPC namespace: private, shareable, host, none, container:ID, ns:PATH")
        .In(Section::kNamespaces),
    String("pid", '\0', "MODE", "Process namespace: private, host, container:ID, ns:PATH")
        .In(Section::kNamespaces),
    CsvList("uidmap", '\0', "INSIDE:OUTSIDE:COUNT", "Map user ids").In(Section::kNamespaces),
    String("userns", '\0', "MODE", "User namespace: host, auto, keep-id, nomap, container:ID, ns:PATH")
        .In(Section::kNamespaces),
    String("uts", '\0', "MODE", "Host name namespace: private, host, container:ID, ns:PATH")
        .In(Section::kNamespaces),
};

constexpr Option kSecurity[] = {
    CsvList("cap-add", '\0', "CAPABILITY", "Add a capability; ALL for all").In(Section::kSecurity),
    CsvList("cap-drop", '\0', "CAPABILITY", "Drop a capability; ALL for all").In(Section::kSecurity),
    Flag("passwd", '\0', "Add the user to /etc/passwd where it is missing")
        .In(Section::kSecurity)
        .Default("false")
        .NotYet(),
    Flag("privileged", '\0', "All capabilities and devices, no filter, nothing masked")
        .In(Section::kSecurity),
    List("security-opt", '\0', "OPTION",
         "no-new-privileges, seccomp=FILE, mask=PATH, unmask=PATH, label=…, apparmor=…")
        .In(Section::kSecurity),
    List("sysctl", '\0', "NAME=VALUE", "Set a kernel parameter of the container's namespaces")
        .In(Section::kSecurity),
};

constexpr Option kLogging[] = {
    String("log-driver", '\0', "DRIVER", "Where output is kept: k8s-file, json-file, none, passthrough")
        .In(Section::kLogging),
    List("log-opt", '\0', "KEY=VALUE", "Options of the log: path, max-size, max-file, tag")
        .In(Section::kLogging),
};

constexpr Option kHealth[] = {
    String("health-cmd", '\0', "COMMAND",
           "Command that tells whether it is healthy: for sh -c, or a JSON array")
        .In(Section::kHealth),
    Alias("healthcheck-command", "health-cmd"),
    String("health-interval", '\0', "DURATION",
           "Time between checks, 30s; disable: only by 'healthcheck run'")
        .In(Section::kHealth),
    Alias("healthcheck-interval", "health-interval"),
    String("health-on-failure", '\0', "ACTION", "What an unhealthy container gets: none, kill, restart, stop")
        .In(Section::kHealth)
        .Default("none"),
    Typed(OptionType::kUint, "health-retries", '\0', "COUNT", "Failures in a row that make it unhealthy: 3")
        .In(Section::kHealth),
    Alias("healthcheck-retries", "health-retries"),
    String("health-start-interval", '\0', "DURATION", "Time between checks in the start period: 5s")
        .In(Section::kHealth),
    String("health-start-period", '\0', "DURATION", "Time in which failures do not count: 0s")
        .In(Section::kHealth),
    Alias("healthcheck-start-period", "health-start-period"),
    String("health-startup-cmd", '\0', "COMMAND", "Command that must pass once before the other is tried")
        .In(Section::kHealth),
    String("health-timeout", '\0', "DURATION", "Time a check may take: 30s").In(Section::kHealth),
    Alias("healthcheck-timeout", "health-timeout"),
    Flag("no-healthcheck", '\0', "Do not run the image's health check").In(Section::kHealth),
};

constexpr Option kRunOnly[] = {
    Flag("detach", 'd', "Run in the background and print the container's id"),
    String("detach-keys", '\0', "KEYS", "Keys that detach from it: 'ctrl-p,ctrl-q'; empty: none")
        .Default("ctrl-p,ctrl-q"),
    String("pod-id-file", '\0', "FILE", "Put the container into the pod whose id is in a file").NotYet(),
    Typed(OptionType::kUint, "preserve-fds", '\0', "COUNT", "Hand on this many descriptors after 0, 1 and 2")
        .Default("0"),
    Flag("rmi", '\0', "Remove the image too when the container ends, if nothing else uses it"),
    Flag("sig-proxy", '\0', "Hand signals on to the container").Default("true"),
};
constexpr Option kCreateOnly[] = {
    String("pod-id-file", '\0', "FILE", "Put the container into the pod whose id is in a file").NotYet(),
};

constexpr OptionSet kRunOptions[] = {kGeneral,    kRunOnly,  kProcess,   kImageOptions, kStorage, kNetwork,
                                     kNamespaces, kSecurity, kLimitRows, kLogging,      kHealth};
constexpr OptionSet kCreateOptions[] = {kGeneral,   kCreateOnly, kProcess,    kImageOptions,
                                        kStorage,   kNetwork,    kNamespaces, kSecurity,
                                        kLimitRows, kLogging,    kHealth};

constexpr Example kRunExamples[] = {
    {"run --rm hello", "the built-in welcome"},
    {"run --rm -it debian bash", "a shell that leaves nothing behind"},
    {"run -d --name web -p 8080:80 nginx", "a service in the background, reachable at port 8080 of the host"},
    {"run -d --name db --network web-net postgres", "reached by its name from others on that network"},
    {"run --rm -v \"$PWD\":/src:ro -w /src debian ls -l", "look at the current directory, read-only"},
    {"run --rm --memory 64m --cpus 0.5 --pids-limit 20 debian stress", "limits"},
    {"run --rm --rootfs ./tree /bin/sh", "a directory instead of an image"},
};
constexpr Example kCreateExamples[] = {
    {"create --name db -e POSTGRES_PASSWORD=x postgres", "make a container now"},
    {"start db", "and start it later"},
};

}  // namespace

constexpr Command kRun = {
    .name = "run",
    .usage = "[options] IMAGE [COMMAND [ARG...]]",
    .summary = "Run a command in a new container",
    .description =
        "Makes a container from an image and starts it. In the foreground its input and output are those of "
        "the terminal and its exit code is that of coracle; with --detach only its id is printed.",
    .examples = kRunExamples,
    .options = kRunOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kImages,
    .flags = kStopAtFirstArgument | kNeedsUserns | kEntersContainer | kStartsContainer,
    .run = CmdRun,
};

constexpr Command kCreate = {
    .name = "create",
    .usage = "[options] IMAGE [COMMAND [ARG...]]",
    .summary = "Make a container without starting it",
    .description = "Makes a container from an image and prints its id. 'coracle start' starts it.",
    .examples = kCreateExamples,
    .options = kCreateOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kImages,
    .flags = kStopAtFirstArgument | kNeedsUserns,
    .run = CmdCreate,
};

}  // namespace coracle::cli
