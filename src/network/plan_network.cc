#include "network/plan_network.h"

#include <fcntl.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "network/link.h"
#include "network/network_options.h"
#include "os/file.h"
#include "os/netlink.h"
#include "store/network.h"

namespace coracle::network {
namespace {

using store::NetworkRecord;

constexpr size_t kMaxRouteBytes = 64 << 20;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

// They are modes of --network, and can't be names.
constexpr absl::string_view kModes[] = {"none", "host", "container", "ns", "private", "pasta", "slirp4netns"};

absl::Status CheckName(absl::string_view name, absl::Span<const NetworkRecord> others) {
  RETURN_IF_ERROR(store::CheckNetworkName(name));
  if (std::find(std::begin(kModes), std::end(kModes), name) != std::end(kModes)) {
    return Refuse(absl::StrCat("network name \"", name, "\" conflicts with the network mode of that name"));
  }
  const absl::string_view canonical = store::CanonicalNetworkName(name);
  const bool taken = canonical == store::kDefaultNetwork ||
                     std::any_of(others.begin(), others.end(),
                                 [&](const NetworkRecord& other) { return other.name() == name; });
  if (!taken) return absl::OkStatus();
  return WithExitCode(absl::AlreadyExistsError(absl::StrCat("network name ", name, " is already used")), 125);
}

absl::Status CheckFree(const Cidr& subnet, absl::Span<const UsedSubnet> used) {
  const UsedSubnet* overlap = FindOverlap(used, subnet);
  if (overlap == nullptr) return absl::OkStatus();
  return WithExitCode(absl::FailedPreconditionError(absl::StrCat("subnet ", subnet.ToString(), " overlaps ",
                                                                 overlap->subnet.ToString(),
                                                                 ", which is used by ", overlap->by)),
                      125);
}

struct PlannedSubnet {
  Cidr subnet;
  std::string gateway;
  std::string range_first, range_last;
};

absl::StatusOr<std::vector<PlannedSubnet>> ReadSubnets(const NetworkRequest& request) {
  std::vector<PlannedSubnet> subnets;
  for (const std::string& text : request.subnets) {
    PlannedSubnet planned;
    ASSIGN_OR_RETURN(planned.subnet, Cidr::Parse(text));
    if (planned.subnet.prefix() < 1 || planned.subnet.prefix() > planned.subnet.base().bits() - 1) {
      return Refuse(
          absl::StrCat("subnet ", planned.subnet.ToString(), " has no room for a gateway and a container"));
    }
    for (const PlannedSubnet& other : subnets) {
      if (other.subnet.Overlaps(planned.subnet)) {
        return Refuse(absl::StrCat("subnets ", other.subnet.ToString(), " and ", planned.subnet.ToString(),
                                   " overlap"));
      }
    }
    subnets.push_back(std::move(planned));
  }
  return subnets;
}

absl::Status AddFreeSubnets(const NetworkRequest& request, const std::string& id,
                            const std::vector<UsedSubnet>& used, std::vector<PlannedSubnet>& subnets) {
  const auto has = [&subnets](bool is_v6) {
    return std::any_of(subnets.begin(), subnets.end(),
                       [is_v6](const PlannedSubnet& one) { return one.subnet.is_v6() == is_v6; });
  };
  // An IPv6 subnet alone means IPv6 alone; --ipv6 says that both are wanted.
  if (request.ipv4 && !has(false) && (subnets.empty() || request.ipv6)) {
    PlannedSubnet planned;
    ASSIGN_OR_RETURN(planned.subnet, FreeSubnet4(used));
    subnets.insert(subnets.begin(), std::move(planned));
  }
  if (request.ipv6 && !has(true)) {
    PlannedSubnet planned;
    ASSIGN_OR_RETURN(planned.subnet, FreeSubnet6(used, id));
    subnets.push_back(std::move(planned));
  }
  return subnets.empty() ? Refuse("a network without IPv4 needs --ipv6 or an IPv6 --subnet")
                         : absl::OkStatus();
}

PlannedSubnet* SubnetWith(const IpAddress& address, std::vector<PlannedSubnet>& subnets) {
  for (PlannedSubnet& planned : subnets) {
    if (planned.subnet.Contains(address)) return &planned;
  }
  return nullptr;
}

absl::Status AddGateways(const NetworkRequest& request, std::vector<PlannedSubnet>& subnets) {
  for (const std::string& text : request.gateways) {
    ASSIGN_OR_RETURN(const IpAddress gateway, IpAddress::Parse(text), "--gateway");
    PlannedSubnet* planned = SubnetWith(gateway, subnets);
    if (planned == nullptr) {
      return Refuse(absl::StrCat("gateway ", gateway.ToString(), " is in no subnet of the network"));
    }
    if (!planned->gateway.empty()) {
      return Refuse(absl::StrCat("subnet ", planned->subnet.ToString(),
                                 " has two gateways: ", planned->gateway, " and ", gateway.ToString()));
    }
    if (gateway < planned->subnet.first_host() || planned->subnet.last_host() < gateway) {
      return Refuse(absl::StrCat("gateway ", gateway.ToString(), " is not an address that a host of ",
                                 planned->subnet.ToString(), " can have"));
    }
    planned->gateway = gateway.ToString();
  }
  for (PlannedSubnet& planned : subnets) {
    if (planned.gateway.empty()) planned.gateway = planned.subnet.first_host().ToString();
  }
  return absl::OkStatus();
}

absl::Status AddRanges(const NetworkRequest& request, std::vector<PlannedSubnet>& subnets) {
  for (const std::string& text : request.ranges) {
    const size_t end = text.find_first_of("/-");
    ASSIGN_OR_RETURN(const IpAddress first, IpAddress::Parse(text.substr(0, end)), "--ip-range");
    PlannedSubnet* planned = SubnetWith(first, subnets);
    if (planned == nullptr) {
      return Refuse(absl::StrCat("ip range ", Printable(text), " is in no subnet of the network"));
    }
    if (!planned->range_first.empty()) {
      return Refuse(absl::StrCat("subnet ", planned->subnet.ToString(), " has two ip ranges"));
    }
    ASSIGN_OR_RETURN(const IpRange range, ParseRange(text, planned->subnet));
    planned->range_first = range.first.ToString();
    planned->range_last = range.last.ToString();
    if (planned->range_first == planned->range_last && planned->range_first == planned->gateway) {
      return Refuse(absl::StrCat("ip range ", Printable(text), " has no address but the gateway's"));
    }
  }
  return absl::OkStatus();
}

absl::Status AddSubnets(const NetworkRequest& request, absl::Span<const NetworkRecord> others,
                        const HostNetworks& host, NetworkRecord& record) {
  ASSIGN_OR_RETURN(std::vector<PlannedSubnet> subnets, ReadSubnets(request));
  std::vector<UsedSubnet> used = NetworkSubnets(others);
  // Below macvlan and ipvlan a subnet is that of the parent's network, which the host is on as well; an
  // unmanaged bridge has its address already.
  const bool is_hosts =
      record.driver() != store::kBridgeDriver || store::NetworkOption(record, "mode") == "unmanaged";
  std::vector<UsedSubnet> all = used;
  all.insert(all.end(), host.used.begin(), host.used.end());
  for (const PlannedSubnet& planned : subnets)
    RETURN_IF_ERROR(CheckFree(planned.subnet, is_hosts ? used : all));
  if (record.ipam_driver() != "none") RETURN_IF_ERROR(AddFreeSubnets(request, record.id(), all, subnets));
  RETURN_IF_ERROR(AddGateways(request, subnets));
  RETURN_IF_ERROR(AddRanges(request, subnets));
  for (const PlannedSubnet& planned : subnets) {
    store::Subnet* subnet = record.add_subnets();
    subnet->set_subnet(planned.subnet.ToString());
    subnet->set_gateway(planned.gateway);
    subnet->set_range_first(planned.range_first);
    subnet->set_range_last(planned.range_last);
    if (planned.subnet.is_v6()) record.set_ipv6(true);
  }
  return absl::OkStatus();
}

absl::Status AddRoutes(const NetworkRequest& request, NetworkRecord& record) {
  for (const std::string& text : request.routes) {
    const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
    if (parts.size() < 2 || parts.size() > 3) {
      return Refuse(absl::StrCat("--route ", Printable(text), ": expected DESTINATION,GATEWAY[,METRIC]"));
    }
    ASSIGN_OR_RETURN(const Cidr destination, Cidr::Parse(parts[0]), "--route");
    ASSIGN_OR_RETURN(const IpAddress gateway, IpAddress::Parse(parts[1]), "--route");
    if (gateway.is_v6() != destination.is_v6()) {
      return Refuse(
          absl::StrCat("--route ", Printable(text), ": destination and gateway are not of one family"));
    }
    store::Route* route = record.add_routes();
    route->set_destination(destination.ToString());
    route->set_gateway(gateway.ToString());
    if (parts.size() < 3) continue;
    uint32_t metric = 0;
    if (!absl::SimpleAtoi(parts[2], &metric)) {
      return Refuse(
          absl::StrCat("--route ", Printable(text), ": the metric is a number from 0 to 4294967295"));
    }
    route->set_metric(metric);
  }
  return absl::OkStatus();
}

bool Exists(const HostNetworks& host, const std::string& interface) {
  return std::find(host.interfaces.begin(), host.interfaces.end(), interface) != host.interfaces.end();
}

absl::Status AddInterface(const NetworkRequest& request, const DriverOptions& options,
                          absl::Span<const NetworkRecord> others, const HostNetworks& host,
                          NetworkRecord& record) {
  const bool is_bridge = record.driver() == store::kBridgeDriver;
  const std::string& by_option = is_bridge ? options.bridge_name : options.parent;
  std::string name = request.interface_name.empty() ? by_option : request.interface_name;
  if (!request.interface_name.empty() && !by_option.empty() && by_option != request.interface_name) {
    return Refuse(absl::StrCat("--interface-name ", Printable(request.interface_name), " and option ",
                               by_option, " contradict each other"));
  }
  if (!name.empty()) RETURN_IF_ERROR(CheckInterfaceName(name));
  if (!is_bridge) {
    if (name.empty()) name = host.default_interface;
    if (name.empty()) {
      return Refuse(absl::StrCat("a ", record.driver(),
                                 " network needs -o parent=INTERFACE, as the host has no "
                                 "default route"));
    }
    if (!host.interfaces.empty() && !Exists(host, name)) {
      return Refuse(absl::StrCat("parent interface ", name, " does not exist"));
    }
    record.set_interface(name);
    return absl::OkStatus();
  }
  if (name.empty()) name = absl::StrCat("co-", record.id().substr(0, 12));
  for (const NetworkRecord& other : others) {
    if (other.driver() == store::kBridgeDriver && other.interface() == name) {
      return WithExitCode(absl::AlreadyExistsError(absl::StrCat(
                              "bridge name ", name, " is already used by network ", other.name())),
                          125);
    }
  }
  if (store::NetworkOption(record, "mode") == "unmanaged" && !host.interfaces.empty() &&
      !Exists(host, name)) {
    return Refuse(absl::StrCat("bridge ", name, " does not exist, which mode=unmanaged needs"));
  }
  record.set_interface(name);
  return absl::OkStatus();
}

absl::Status CheckIpam(const NetworkRequest& request, NetworkRecord& record) {
  const std::string& driver = request.ipam_driver;
  if (driver == "dhcp") {
    return WithExitCode(absl::UnimplementedError("--ipam-driver dhcp is not supported yet"), 125);
  }
  if (!driver.empty() && driver != "default" && driver != "host-local" && driver != "none") {
    return Refuse(
        absl::StrCat("unknown ipam driver \"", Printable(driver), "\": expected host-local or none"));
  }
  record.set_ipam_driver(driver == "none" ? "none" : "host-local");
  if (driver == "none" && !request.subnets.empty())
    return Refuse("--ipam-driver none conflicts with --subnet");
  return absl::OkStatus();
}

void AddPairs(const std::vector<std::pair<std::string, std::string>>& pairs,
              google::protobuf::RepeatedPtrField<store::StringPair>* list) {
  for (const auto& [key, value] : pairs) {
    const auto same = std::find_if(list->begin(), list->end(),
                                   [&key = key](const store::StringPair& pair) { return pair.key() == key; });
    store::StringPair* pair = same == list->end() ? list->Add() : &*same;
    pair->set_key(key);
    pair->set_value(value);
  }
}

int64_t NowNanos() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1000000000} + now.tv_nsec;
}

// The first line of /proc/net/route whose destination and mask are 0.
std::string DefaultInterface() {
  const auto text = os::ReadFileAt(AT_FDCWD, "/proc/net/route", kMaxRouteBytes);
  if (!text.ok()) return "";
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty());
    if (fields.size() >= 8 && fields[1] == "00000000" && fields[7] == "00000000")
      return std::string(fields[0]);
  }
  return "";
}

// network1, network2, ... as podman's podman1.
std::string FreeName(absl::Span<const NetworkRecord> others) {
  for (int number = 1;; ++number) {
    std::string name = absl::StrCat("coracle", number);
    if (std::none_of(others.begin(), others.end(),
                     [&](const NetworkRecord& other) { return other.name() == name; })) {
      return name;
    }
  }
}

}  // namespace

HostNetworks ProbeHostNetworks() {
  HostNetworks host;
  host.used = HostSubnets();
  // Not from /sys/class/net, which shows the namespace that it was mounted in.
  auto route = os::NetlinkSocket::Open(NETLINK_ROUTE);
  if (route.ok()) {
    const auto links = ListLinks(*route);
    if (links.ok()) {
      for (const Link& link : *links) host.interfaces.push_back(link.name);
    }
  }
  host.default_interface = DefaultInterface();
  return host;
}

absl::StatusOr<NetworkRecord> PlanNetwork(const NetworkRequest& request,
                                          absl::Span<const NetworkRecord> others, const HostNetworks& host) {
  NetworkRecord record;
  record.set_id(store::NewContainerId());
  record.set_name(request.name.empty() ? FreeName(others) : request.name);
  RETURN_IF_ERROR(CheckName(record.name(), others));
  record.set_driver(request.driver.empty() ? store::kBridgeDriver : request.driver);
  if (record.driver() != store::kBridgeDriver && record.driver() != store::kMacvlanDriver &&
      record.driver() != store::kIpvlanDriver) {
    return Refuse(absl::StrCat("unknown network driver \"", Printable(record.driver()),
                               "\": expected bridge, macvlan or ipvlan"));
  }
  ASSIGN_OR_RETURN(const DriverOptions options, ReadDriverOptions(record.driver(), request.options));
  AddPairs(options.kept, record.mutable_options());
  AddPairs(request.labels, record.mutable_labels());
  record.set_created_unix_nanos(NowNanos());
  record.set_internal(request.internal);
  record.set_dns_enabled(!request.disable_dns);
  for (const std::string& server : request.dns_servers) {
    ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(server), "--dns");
    record.add_dns_servers(address.ToString());
  }
  if (request.disable_dns && !request.dns_servers.empty())
    return Refuse("--dns conflicts with --disable-dns");
  RETURN_IF_ERROR(CheckIpam(request, record));
  RETURN_IF_ERROR(AddInterface(request, options, others, host, record));
  RETURN_IF_ERROR(AddSubnets(request, others, host, record));
  RETURN_IF_ERROR(AddRoutes(request, record));
  return record;
}

absl::StatusOr<NetworkRecord> PlanDefaultNetwork(NetworkRecord record, absl::Span<const NetworkRecord> others,
                                                 const HostNetworks& host) {
  std::vector<UsedSubnet> used = NetworkSubnets(others, record.name());
  used.insert(used.end(), host.used.begin(), host.used.end());
  store::Subnet* subnet = record.mutable_subnets(0);
  ASSIGN_OR_RETURN(const Cidr wanted, Cidr::Parse(subnet->subnet()));
  ASSIGN_OR_RETURN(const Cidr free,
                   NextFree(used, wanted, Cidr(IpAddress(0x0aff0000, /*is_v6=*/false), wanted.prefix())),
                   "the default network");
  subnet->set_subnet(free.ToString());
  subnet->set_gateway(free.first_host().ToString());
  for (int number = 0; Exists(host, record.interface()); ++number) {
    record.set_interface(absl::StrCat("coracle", number + 1));
  }
  record.set_created_unix_nanos(NowNanos());
  return record;
}

absl::StatusOr<NetworkRecord> EnsureDefaultNetwork(const store::Store& store) {
  if (store::DefaultNetworkIsMade(store)) return store::ReadNetwork(store, store::kDefaultNetwork);
  ASSIGN_OR_RETURN(const store::NetworkLock lock, store::LockNetworkSet(store));
  ASSIGN_OR_RETURN(NetworkRecord record, store::ReadNetwork(store, store::kDefaultNetwork));
  if (store::DefaultNetworkIsMade(store)) return record;  // by another process just now
  ASSIGN_OR_RETURN(const std::vector<NetworkRecord> others, store::ReadAllNetworks(store));
  ASSIGN_OR_RETURN(record, PlanDefaultNetwork(std::move(record), others, ProbeHostNetworks()));
  RETURN_IF_ERROR(store::CreateNetwork(store, record, os::Durability::kDurable));
  return record;
}

}  // namespace coracle::network
