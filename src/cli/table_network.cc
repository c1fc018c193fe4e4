// The group `network`.
#include "cli/commands.h"
#include "cli/table_rows.h"

namespace coracle::cli {
namespace {

constexpr Option kConnectOnly[] = {
    List("alias", '\0', "NAME", "Further names of the container on the network"),
    List("driver-opt", '\0', "KEY=VALUE", "Options of the driver").NotYet(),
    Typed(OptionType::kInt, "gw-priority", '\0', "NUMBER", "Which network has the default route").NotYet("0"),
    String("ip", '\0', "ADDRESS", "IPv4 address of the container"),
    String("ip6", '\0', "ADDRESS", "IPv6 address of the container"),
    List("link", '\0', "CONTAINER[:ALIAS]", "Make another container known by name").NotYet(),
    List("link-local-ip", '\0', "ADDRESS", "Further link-local addresses").NotYet(),
    String("mac-address", '\0', "ADDRESS", "MAC address of the container"),
};
constexpr OptionSet kConnectOptions[] = {kConnectOnly};
constexpr Example kConnectExamples[] = {
    {"network connect web-net db", "the container db, running or not, is on web-net too"},
    {"network connect --alias cache --ip 10.89.0.20 web-net redis", "by a name and address of its own"},
};
constexpr Command kNetworkConnect = {
    .name = "network connect",
    .usage = "[options] NETWORK CONTAINER",
    .summary = "Connect a container to a network",
    .description = "At once if it runs; the container is on the network at every later start too.",
    .examples = kConnectExamples,
    .options = kConnectOptions,
    .min_args = 2,
    .max_args = 2,
    .completes = Completes::kNetworks,
    .flags = kNeedsUserns,
    .run = CmdNetworkConnect,
};

constexpr Option kCreateOnly[] = {
    Flag("attachable", '\0', "Any container may be connected, as is always so"),
    List("aux-address", '\0', "NAME=ADDRESS", "Addresses that are not handed out").NotYet(),
    String("config-from", '\0', "NETWORK", "Copy the configuration of a network").NotYet(),
    Flag("config-only", '\0', "Make a configuration only").NotYet("false"),
    Flag("disable-dns", '\0', "Containers do not find each other by name"),
    List("dns", '\0', "ADDRESS", "Name servers that other names are asked from"),
    String("driver", 'd', "DRIVER", "bridge, macvlan or ipvlan").Default("bridge"),
    List("gateway", '\0', "ADDRESS", "Gateway of the subnet that it is in; the first address if not given"),
    Flag("ignore", '\0', "One that exists is no error"),
    Flag("ingress", '\0', "Make a network of a swarm").NotYet("false"),
    String("interface-name", '\0', "NAME", "Name of the bridge, or of the parent of macvlan and ipvlan"),
    Flag("internal", '\0', "There is no way out of it"),
    List("ip-range", '\0', "SUBNET", "Addresses to hand out: a part of a subnet, or FIRST-LAST"),
    String("ipam-driver", '\0', "DRIVER", "Who hands out addresses: host-local or none"),
    List("ipam-opt", '\0', "KEY=VALUE", "Options of who hands out addresses").NotYet(),
    Flag("ipv4", '\0', "Hand out IPv4 addresses").Default("true"),
    Flag("ipv6", '\0', "Hand out IPv6 addresses too"),
    List("label", '\0', "KEY=VALUE", "Set a label on the network"),
    List("opt", 'o', "KEY=VALUE", "Option of the driver: mtu, isolate, vlan, parent, mode, metric, …"),
    List("route", '\0', "DESTINATION,GATEWAY[,METRIC]", "Further routes of its containers"),
    String("scope", '\0', "SCOPE", "Where it is known: local").NotYet("local"),
    List("subnet", '\0', "SUBNET", "Subnet of its addresses; a free one if not given"),
};
constexpr OptionSet kCreateOptions[] = {kCreateOnly};
constexpr Example kCreateExamples[] = {
    {"network create web-net", "a bridge with a free subnet"},
    {"network create --subnet 10.7.0.0/24 --gateway 10.7.0.254 --ip-range 10.7.0.0/25 lab",
     "with chosen addresses"},
    {"network create --ipv6 --internal back", "both families, and no way out"},
    {"network create -d macvlan -o parent=eth0 --subnet 192.168.1.0/24 lan", "on the network of eth0"},
};
constexpr Command kNetworkCreate = {
    .name = "network create",
    .usage = "[options] [NAME]",
    .summary = "Make a network",
    .description =
        "Prints its name, which is made up if none is given. Containers on it find each other by name. "
        "Options "
        "of docker (com.docker.network.…) are understood too.",
    .examples = kCreateExamples,
    .options = kCreateOptions,
    .max_args = 1,
    .flags = kNeedsUserns,
    .run = CmdNetworkCreate,
};

constexpr Option kDisconnectOnly[] = {
    Flag("force", 'f', "A container that is not on the network is no error"),
};
constexpr OptionSet kDisconnectOptions[] = {kDisconnectOnly};
constexpr Example kDisconnectExamples[] = {
    {"network disconnect web-net db", "the opposite of 'network connect'"}};
constexpr Command kNetworkDisconnect = {
    .name = "network disconnect",
    .usage = "[options] NETWORK CONTAINER",
    .summary = "Disconnect a container from a network",
    .description = "At once if it runs.",
    .examples = kDisconnectExamples,
    .options = kDisconnectOptions,
    .min_args = 2,
    .max_args = 2,
    .completes = Completes::kNetworks,
    .flags = kNeedsUserns,
    .run = CmdNetworkDisconnect,
};

constexpr Example kExistsExamples[] = {{"network exists web-net || echo none", "in a script"}};
constexpr Command kNetworkExists = {
    .name = "network exists",
    .usage = "NETWORK",
    .summary = "Tell by the exit code whether a network exists",
    .description = "Ends with 0 if it exists, with 1 if not, and prints nothing.",
    .examples = kExistsExamples,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kNetworks,
    .run = CmdNetworkExists,
};

constexpr Option kInspectOnly[] = {
    String("format", 'f', "FORMAT", "json or a Go template"),
    Flag("verbose", 'v', "More about services of a swarm, of which there are none"),
};
constexpr OptionSet kInspectOptions[] = {kInspectOnly};
constexpr Example kInspectExamples[] = {
    {"network inspect -f '{{range .Subnets}}{{.Subnet}}{{end}}' web-net", "its subnets"},
    {"network inspect -f '{{range .Containers}}{{.Name}} {{end}}' web-net", "who is on it"},
};
constexpr Command kNetworkInspect = {
    .name = "network inspect",
    .usage = "[options] NETWORK...",
    .summary = "Show everything about networks, as JSON",
    .description =
        "An array with one object for each network, or a template's text for each. Members in lower case are "
        "those of podman, the others those of docker.",
    .examples = kInspectExamples,
    .options = kInspectOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kNetworks,
    .flags = kNeedsUserns,
    .run = CmdNetworkInspect,
};

constexpr Option kLsOnly[] = {
    List("filter", 'f', "KEY=VALUE",
         "Show only matches: dangling, driver, id, label, name, scope, type, until"),
    String("format", '\0', "FORMAT", "json, table TEMPLATE, or a Go template"),
    Flag("no-trunc", '\0', "Show whole ids"),
    Flag("noheading", 'n', "Leave out the headings"),
    Flag("quiet", 'q', "Show names only"),
};
constexpr OptionSet kLsOptions[] = {kLsOnly};
constexpr Example kLsExamples[] = {
    {"network ls", "what there is"},
    {"network ls -q --filter dangling=true", "names of those that no container uses"},
};
constexpr Command kNetworkLs = {
    .name = "network ls",
    .usage = "[options]",
    .summary = "List networks",
    .description = "Lists the networks in the store by name. The network bridge is always there.",
    .examples = kLsExamples,
    .options = kLsOptions,
    .flags = kNeedsUserns,
    .run = CmdNetworkLs,
};

constexpr Option kPruneOnly[] = {
    Flag("dry-run", '\0', "Only print what would be removed"),
    List("filter", '\0', "KEY=VALUE", "Remove only matches: label, label!, until"),
    Flag("force", 'f', "Do not ask"),
};
constexpr OptionSet kPruneOptions[] = {kPruneOnly};
constexpr Example kPruneExamples[] = {{"network prune -f", "all that no container uses"}};
constexpr Command kNetworkPrune = {
    .name = "network prune",
    .usage = "[options]",
    .summary = "Remove networks that no container uses",
    .description = "Containers that do not run count too. Asks first when standard input is a terminal.",
    .examples = kPruneExamples,
    .options = kPruneOptions,
    .flags = kNeedsUserns,
    .run = CmdNetworkPrune,
};

constexpr Option kReloadOnly[] = {
    Flag("all", 'a', "Reload all running containers"),
    Flag("latest", 'l', "The newest container"),
};
constexpr OptionSet kReloadOptions[] = {kReloadOnly};
constexpr Example kReloadExamples[] = {{"network reload -a", "after a firewall has removed all rules"}};
constexpr Command kNetworkReload = {
    .name = "network reload",
    .usage = "[options] [CONTAINER...]",
    .summary = "Make the firewall rules of containers again",
    .description = "For rules that another program has removed. Prints the containers.",
    .examples = kReloadExamples,
    .options = kReloadOptions,
    .min_args = 1,
    .max_args = -1,
    .args_waived_by = "all,latest",
    .completes = Completes::kRunning,
    .flags = kNeedsUserns,
    .run = CmdNetworkReload,
};

constexpr Option kRmOnly[] = {
    Flag("force", 'f', "Stop and remove the containers that use it too; a missing network is no error"),
    Typed(OptionType::kInt, "time", 't', "SECONDS", "With --force: time between the stop signal and SIGKILL")
        .Default("10"),
};
constexpr OptionSet kRmOptions[] = {kRmOnly};
constexpr Example kRmExamples[] = {{"network rm web-net", "one that no container uses"}};
constexpr Command kNetworkRm = {
    .name = "network rm",
    .usage = "[options] NETWORK...",
    .summary = "Remove networks",
    .description = "One that a container uses, running or not, only with --force.",
    .examples = kRmExamples,
    .options = kRmOptions,
    .min_args = 1,
    .max_args = -1,
    .completes = Completes::kNetworks,
    .flags = kNeedsUserns,
    .run = CmdNetworkRm,
};

constexpr Option kUpdateOnly[] = {
    List("dns-add", '\0', "ADDRESS", "Name servers to add"),
    List("dns-drop", '\0', "ADDRESS", "Name servers to remove"),
};
constexpr OptionSet kUpdateOptions[] = {kUpdateOnly};
constexpr Example kUpdateExamples[] = {{"network update --dns-add 9.9.9.9 web-net", "ask other names there"}};
constexpr Command kNetworkUpdate = {
    .name = "network update",
    .usage = "[options] NETWORK",
    .summary = "Change the name servers of a network",
    .description = "Prints the network's name.",
    .examples = kUpdateExamples,
    .options = kUpdateOptions,
    .min_args = 1,
    .max_args = 1,
    .completes = Completes::kNetworks,
    .flags = kNeedsUserns,
    .run = CmdNetworkUpdate,
};

constexpr Node kNetworkNodes[] = {
    {"connect", &kNetworkConnect},
    {"create", &kNetworkCreate},
    {"disconnect", &kNetworkDisconnect},
    {"exists", &kNetworkExists},
    {"inspect", &kNetworkInspect},
    {"list", &kNetworkLs, Group::kNested, /*alias=*/true},
    {"ls", &kNetworkLs},
    {"prune", &kNetworkPrune},
    {"reload", &kNetworkReload},
    {"remove", &kNetworkRm, Group::kNested, /*alias=*/true},
    {"rm", &kNetworkRm},
    {"update", &kNetworkUpdate},
};

}  // namespace

constexpr Command kNetwork = {
    .name = "network",
    .usage = "COMMAND",
    .summary = "Commands on networks",
    .description = "Containers on the same network reach each other, by name too; others do not reach them.",
    .children = kNetworkNodes,
};

}  // namespace coracle::cli
