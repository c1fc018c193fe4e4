#include "network/endpoint.h"

#include <linux/if_link.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/fault.h"
#include "base/status.h"
#include "network/bridge.h"
#include "network/firewall.h"
#include "network/link.h"
#include "network/sysctl.h"
#include "os/network_namespace.h"
#include "store/network.h"

namespace coracle::network {
namespace {

using os::NetlinkBatch;
using os::NetlinkSocket;

// The metric of the first network's default route; each further one has one more.
constexpr uint32_t kDefaultMetric = 100;

absl::StatusOr<uint32_t> ModeOf(const store::NetworkRecord& network) {
  const std::string mode = store::NetworkOption(network, "mode");
  if (network.driver() == store::kMacvlanDriver) {
    if (mode.empty() || mode == "bridge") return MACVLAN_MODE_BRIDGE;
    if (mode == "private") return MACVLAN_MODE_PRIVATE;
    if (mode == "vepa") return MACVLAN_MODE_VEPA;
    if (mode == "passthru") return MACVLAN_MODE_PASSTHRU;
  } else {
    if (mode.empty() || mode == "l2") return uint32_t{IPVLAN_MODE_L2};
    if (mode == "l3") return uint32_t{IPVLAN_MODE_L3};
    if (mode == "l3s") return uint32_t{IPVLAN_MODE_L3S};
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown ", network.driver(), " mode ", mode));
}

// Gives the name that it has in the container's namespace first.
absl::StatusOr<std::string> MakeInterface(NetlinkSocket& route, int netns, const Endpoint& endpoint,
                                          bool* lost) {
  const store::NetworkRecord& network = endpoint.network;
  ASSIGN_OR_RETURN(const uint32_t mtu, MtuOf(network));
  NetlinkBatch batch;
  if (network.driver() == store::kBridgeDriver) {
    ASSIGN_OR_RETURN(Firewall firewall, Firewall::Open());
    ASSIGN_OR_RETURN(const int bridge, EnsureBridge(route, firewall, network));
    if (lost != nullptr) *lost |= firewall.made_table();
    PutVeth(batch, {endpoint.status.host_interface_name(), endpoint.status.interface_name(), bridge, netns,
                    MacBytes(endpoint.status.mac()), mtu});
    const bool isolated = store::NetworkOption(network, "icc") == "false";
    if (isolated || endpoint.publishes) {
      PutBridgePort(batch, endpoint.status.host_interface_name(), {isolated, endpoint.publishes});
    }
    RETURN_IF_ERROR(route.Send(batch));
    if (IsUnmanaged(network) && VlanOf(network) != 0) {
      ASSIGN_OR_RETURN(const Link port, FindLink(route, endpoint.status.host_interface_name()));
      NetlinkBatch vlan;
      PutPortVlan(vlan, port.index, VlanOf(network));
      RETURN_IF_ERROR(route.Send(vlan));
    }
    return endpoint.status.interface_name();
  }
  SubLinkRequest request;
  request.kind = network.driver();
  ASSIGN_OR_RETURN(request.parent, EnsureParent(route, network));
  ASSIGN_OR_RETURN(request.mode, ModeOf(network));
  request.netns = netns;
  // Before Linux 6.13 the host may not have an interface of the same name.
  request.inner_name = NewHostInterfaceName();
  // The interfaces of ipvlan all have their parent's.
  if (network.driver() == store::kMacvlanDriver) request.mac = MacBytes(endpoint.status.mac());
  request.mtu = mtu;
  PutSubLink(batch, request);
  const absl::Status status = route.Send(batch);
  if (status.ok()) return request.inner_name;
  if (ErrnoOf(status) != EOPNOTSUPP) return status;
  return absl::UnimplementedError(
      absl::StrCat("this kernel has no ", network.driver(), " interfaces (module ", network.driver(), ")"));
}

absl::Status PutRoutes(NetlinkBatch& batch, int index, const Endpoint& endpoint) {
  const store::NetworkRecord& network = endpoint.network;
  std::optional<uint32_t> metric;
  if (uint32_t value = 0; absl::SimpleAtoi(store::NetworkOption(network, "metric"), &value)) metric = value;
  const std::string no_default = store::NetworkOption(network, "no_default_route");
  if (!network.internal() && no_default != "true" && no_default != "1") {
    for (const std::string& text : endpoint.status.gateways()) {
      ASSIGN_OR_RETURN(const IpAddress gateway, IpAddress::Parse(text));
      PutRoute(batch, index, Cidr(IpAddress(0, gateway.is_v6()), 0), gateway,
               metric.value_or(kDefaultMetric + endpoint.position));
    }
  }
  for (const store::Route& route : network.routes()) {
    ASSIGN_OR_RETURN(const Cidr destination, Cidr::Parse(route.destination()));
    ASSIGN_OR_RETURN(const IpAddress gateway, IpAddress::Parse(route.gateway()));
    PutRoute(batch, index, destination, gateway,
             route.has_metric() ? std::optional<uint32_t>(route.metric()) : metric);
  }
  return absl::OkStatus();
}

// In the container's namespace.
absl::Status Configure(Endpoint& endpoint, const std::string& made) {
  const std::string& name = endpoint.status.interface_name();
  const bool ipv6 = HasIpv6(endpoint.network);
  ASSIGN_OR_RETURN(NetlinkSocket route, NetlinkSocket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(const Link link, FindLink(route, made));
  if (made != name) {
    NetlinkBatch rename;
    PutRename(rename, link.index, name);
    RETURN_IF_ERROR(route.Send(rename));
  }
  endpoint.status.set_mac(MacText(link.mac));
  if (ipv6) {
    // The addresses are ours to give: none from router advertisements.
    RETURN_IF_ERROR(WriteSysctl(absl::StrCat("ipv6/conf/", name, "/accept_ra"), "0"));
    RETURN_IF_ERROR(WriteSysctl(absl::StrCat("ipv6/conf/", name, "/accept_dad"), "0"));
  }
  NetlinkBatch batch;
  PutUp(batch, link.index, name, ipv6);
  for (const std::string& text : endpoint.status.addresses()) {
    ASSIGN_OR_RETURN(const Cidr subnet, Cidr::Parse(text));
    ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(text.substr(0, text.find('/'))));
    PutAddress(batch, link.index, address, subnet.prefix());
  }
  RETURN_IF_ERROR(PutRoutes(batch, link.index, endpoint));
  return route.Send(batch);
}

}  // namespace

std::string MacFor(const IpAddress& address) {
  // Docker's form for IPv4; of an IPv6 address the last four bytes, with another beginning.
  const std::string bytes = address.Bytes();
  return absl::StrCat(address.is_v6() ? "\x02\x46" : "\x02\x42", bytes.substr(bytes.size() - 4));
}

std::string MacBytes(absl::string_view text) {
  const std::string bytes = absl::HexStringToBytes(absl::StrReplaceAll(text, {{":", ""}}));
  return text.size() == 17 ? bytes : std::string();
}

std::string MacText(absl::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    absl::StrAppend(&text, text.empty() ? "" : ":", absl::Hex(static_cast<uint8_t>(byte), absl::kZeroPad2));
  }
  return text;
}

std::string NewHostInterfaceName() {
  uint32_t number = 0;
  (void)getrandom(&number, sizeof(number), 0);  // a name that is taken is an error of the kernel's
  return absl::StrCat("veth", absl::Hex(number, absl::kZeroPad8));
}

absl::Status ConnectEndpoint(int netns, Endpoint& endpoint, bool* rules_were_lost) {
  ASSIGN_OR_RETURN(NetlinkSocket route, NetlinkSocket::Open(NETLINK_ROUTE));
  const absl::StatusOr<std::string> made = MakeInterface(route, netns, endpoint, rules_were_lost);
  absl::Status status = made.status();
  if (status.ok()) {
    FaultPoint("network.endpoint.made");
    auto inside = os::ScopedNetworkNamespace::Enter(netns);
    status = inside.ok() ? Configure(endpoint, *made) : inside.status();
    if (!status.ok() && inside.ok()) {
      auto undo = NetlinkSocket::Open(NETLINK_ROUTE);
      for (const std::string& name : {*made, endpoint.status.interface_name()}) {
        NetlinkBatch batch;
        PutDelete(batch, name);
        if (undo.ok()) (void)undo->Send(batch);  // the error before is the one to tell
      }
    }
  }
  if (status.ok()) return status;
  status = Annotate(status, absl::StrCat("connect to network ", endpoint.network.name()));
  return ExitCodeOf(status).has_value() ? status : WithExitCode(status, 125);
}

absl::Status DisconnectEndpoint(int netns, const store::NetworkStatus& status) {
  ASSIGN_OR_RETURN(const auto inside, os::ScopedNetworkNamespace::Enter(netns));
  ASSIGN_OR_RETURN(NetlinkSocket route, NetlinkSocket::Open(NETLINK_ROUTE));
  NetlinkBatch batch;
  PutDelete(batch, status.interface_name());
  return route.Send(batch, {ENODEV});
}

}  // namespace coracle::network
