#include "network/bridge.h"

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "network/endpoint.h"
#include "network/firewalld.h"
#include "network/sysctl.h"
#include "store/network.h"

namespace coracle::network {
namespace {

using os::NetlinkBatch;

absl::Status ExplainPermission(const absl::Status& status) {
  if (!absl::IsPermissionDenied(status)) return status;
  return WithExitCode(
      WithHint(status,
               "making networks of bridges needs the capability CAP_NET_ADMIN; --network none or host "
               "do without"),
      125);
}

struct GatewayAddress {
  IpAddress address;
  int prefix;
};
absl::StatusOr<std::vector<GatewayAddress>> GatewaysOf(const store::NetworkRecord& network) {
  std::vector<GatewayAddress> result;
  for (const store::Subnet& subnet : network.subnets()) {
    if (subnet.gateway().empty()) continue;
    ASSIGN_OR_RETURN(const Cidr cidr, Cidr::Parse(subnet.subnet()));
    ASSIGN_OR_RETURN(const IpAddress gateway, IpAddress::Parse(subnet.gateway()));
    result.push_back({gateway, cidr.prefix()});
  }
  return result;
}

// Values that only this bridge has. Those of IPv6 are missing where the host has none.
absl::Status SetBridgeSysctls(const std::string& bridge, bool ipv6) {
  // For 127.0.0.1:PORT of the host, which is sent on to a container (see firewall_rules.cc).
  RETURN_IF_ERROR(WriteSysctl(absl::StrCat("ipv4/conf/", bridge, "/route_localnet"), "1"));
  if (!ipv6) return absl::OkStatus();
  RETURN_IF_ERROR(WriteSysctl(absl::StrCat("ipv6/conf/", bridge, "/accept_ra"), "0"));
  return WriteSysctl(absl::StrCat("ipv6/conf/", bridge, "/accept_dad"), "0");
}

// What the rules of others have to let pass.
absl::Status PassOthers(Firewall& firewall, const store::NetworkRecord& network) {
  RETURN_IF_ERROR(firewall.PassForeignForward(network.interface()));
  ASSIGN_OR_RETURN(const bool has_firewalld, firewall.HasTable(kFirewalldTable));
  if (has_firewalld && !network.internal()) TrustInFirewalld(FirewallNetworkOf(network).subnets);
  return absl::OkStatus();
}

// Bit by bit, so that it completes what another began. The bridge comes up last: one that is up is whole.
absl::StatusOr<int> MakeBridge(os::NetlinkSocket& route, Firewall& firewall,
                               const store::NetworkRecord& network) {
  const std::string& name = network.interface();
  const bool ipv6 = HasIpv6(network);
  ASSIGN_OR_RETURN(const uint32_t mtu, MtuOf(network));
  ASSIGN_OR_RETURN(const std::vector<GatewayAddress> gateways, GatewaysOf(network));
  if (!network.internal()) RETURN_IF_ERROR(EnableForwarding(ipv6));
  {
    // With an address of its own it does not take that of whichever container comes.
    NetlinkBatch batch;
    PutBridge(batch, name, gateways.empty() ? std::string() : MacFor(gateways.front().address), mtu,
              VlanOf(network));
    RETURN_IF_ERROR(route.Send(batch, {EEXIST}));
  }
  FaultPoint("network.bridge.made");
  ASSIGN_OR_RETURN(const Link link, FindLink(route, name));
  if (link.kind != "bridge") {
    return WithExitCode(absl::AlreadyExistsError(absl::StrCat("network ", network.name(), ": interface ",
                                                              name, " is there and is no bridge")),
                        125);
  }
  RETURN_IF_ERROR(SetBridgeSysctls(name, ipv6));
  NetlinkBatch batch;
  for (const GatewayAddress& gateway : gateways) {
    PutAddress(batch, link.index, gateway.address, gateway.prefix);
  }
  RETURN_IF_ERROR(route.Send(batch, {EEXIST}));
  RETURN_IF_ERROR(firewall.AddNetwork(FirewallNetworkOf(network)));
  FaultPoint("network.bridge.rules");
  RETURN_IF_ERROR(PassOthers(firewall, network));
  NetlinkBatch up;
  PutUp(up, link.index, name, ipv6);
  RETURN_IF_ERROR(route.Send(up));
  return link.index;
}

}  // namespace

absl::StatusOr<uint32_t> MtuOf(const store::NetworkRecord& network) {
  const std::string text = store::NetworkOption(network, "mtu");
  uint32_t mtu = 0;
  if (text.empty()) return mtu;
  if (!absl::SimpleAtoi(text, &mtu) || mtu < 68 || mtu > 65535) {
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat("network ", network.name(), ": mtu ", text,
                                                                " is not between 68 and 65535")),
                        125);
  }
  return mtu;
}

uint16_t VlanOf(const store::NetworkRecord& network) {
  uint32_t vlan = 0;
  (void)absl::SimpleAtoi(store::NetworkOption(network, "vlan"), &vlan);  // checked when it was made
  return static_cast<uint16_t>(vlan);
}

bool IsUnmanaged(const store::NetworkRecord& network) {
  return network.driver() == store::kBridgeDriver && store::NetworkOption(network, "mode") == "unmanaged";
}

bool HasIpv6(const store::NetworkRecord& network) {
  for (const store::Subnet& subnet : network.subnets()) {
    if (subnet.subnet().find(':') != std::string::npos) return true;
  }
  return false;
}

FirewallNetwork FirewallNetworkOf(const store::NetworkRecord& network) {
  FirewallNetwork result;
  result.bridge = network.interface();
  for (const store::Subnet& subnet : network.subnets()) {
    const auto cidr = Cidr::Parse(subnet.subnet());
    if (cidr.ok()) result.subnets.push_back(*cidr);
  }
  result.internal = network.internal();
  result.masqueraded = store::NetworkOption(network, "masquerade") != "false";
  const std::string isolate = store::NetworkOption(network, "isolate");
  result.isolated = isolate != "false" && isolate != "0";
  return result;
}

absl::StatusOr<int> EnsureBridge(os::NetlinkSocket& route, Firewall& firewall,
                                 const store::NetworkRecord& network) {
  const absl::StatusOr<Link> link = FindLink(route, network.interface());
  if (IsUnmanaged(network)) {
    RETURN_IF_ERROR(link.status());
    if (link->kind == "bridge") return link->index;
    return WithExitCode(absl::FailedPreconditionError(absl::StrCat(link->name, " is no bridge")), 125);
  }
  if (link.ok() && link->up && link->kind == "bridge") {
    const absl::StatusOr<bool> known = firewall.HasNetwork(network.interface());
    RETURN_IF_ERROR(ExplainPermission(known.status()));
    if (*known) return link->index;
  } else if (!link.ok() && !absl::IsNotFound(link.status())) {
    return ExplainPermission(link.status());
  }
  const absl::StatusOr<int> made = MakeBridge(route, firewall, network);
  if (made.ok()) return made;
  return ExplainPermission(Annotate(made.status(), absl::StrCat("network ", network.name())));
}

absl::Status RemoveBridge(const store::NetworkRecord& network) {
  if (IsUnmanaged(network)) return absl::OkStatus();
  ASSIGN_OR_RETURN(os::NetlinkSocket route, os::NetlinkSocket::Open(NETLINK_ROUTE));
  const absl::StatusOr<Link> link = FindLink(route, network.interface());
  if (link.ok() && link->kind == "bridge") {
    NetlinkBatch batch;
    PutDelete(batch, network.interface());
    RETURN_IF_ERROR(ExplainPermission(route.Send(batch, {ENODEV})));
  }
  FaultPoint("network.bridge.removed");
  ASSIGN_OR_RETURN(Firewall firewall, Firewall::Open());
  const absl::Status removed = firewall.RemoveNetwork(FirewallNetworkOf(network));
  const absl::StatusOr<bool> has_firewalld = firewall.HasTable(kFirewalldTable);
  if (has_firewalld.ok() && *has_firewalld) DistrustInFirewalld(FirewallNetworkOf(network).subnets);
  // Who may not look at rules has made none.
  return absl::IsPermissionDenied(removed) && !link.ok() ? absl::OkStatus() : removed;
}

absl::Status ReloadRules(const store::NetworkRecord& network) {
  if (IsUnmanaged(network)) return absl::OkStatus();
  ASSIGN_OR_RETURN(os::NetlinkSocket route, os::NetlinkSocket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(Firewall firewall, Firewall::Open());
  return MakeBridge(route, firewall, network).status();
}

absl::Status RepairRules(const store::NetworkRecord& network) {
  if (IsUnmanaged(network)) return absl::OkStatus();
  ASSIGN_OR_RETURN(os::NetlinkSocket route, os::NetlinkSocket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(Firewall firewall, Firewall::Open());
  ASSIGN_OR_RETURN(const bool known, firewall.HasNetwork(network.interface()));
  return known ? PassOthers(firewall, network) : MakeBridge(route, firewall, network).status();
}

absl::StatusOr<int> EnsureParent(os::NetlinkSocket& route, const store::NetworkRecord& network) {
  const std::string& name = network.interface();
  if (name.empty()) {
    ASSIGN_OR_RETURN(const int index, DefaultRouteLink(route));
    if (index != 0) return index;
    return WithExitCode(absl::NotFoundError(absl::StrCat("network ", network.name(),
                                                         ": the host has no default route: name its parent")),
                        125);
  }
  const absl::StatusOr<Link> link = FindLink(route, name);
  if (link.ok()) return link->index;
  const size_t dot = name.rfind('.');
  uint32_t id = 0;
  if (absl::IsNotFound(link.status()) && dot != std::string::npos &&
      absl::SimpleAtoi(name.substr(dot + 1), &id) && id >= 1 && id <= 4094) {
    ASSIGN_OR_RETURN(const Link lower, FindLink(route, name.substr(0, dot)), "network ", network.name());
    NetlinkBatch batch;
    PutVlan(batch, name, lower.index, static_cast<uint16_t>(id));
    RETURN_IF_ERROR(route.Send(batch, {EEXIST}), "network ", network.name());
    ASSIGN_OR_RETURN(const Link made, FindLink(route, name));
    return made.index;
  }
  return WithExitCode(Annotate(link.status(), absl::StrCat("network ", network.name(), ": parent")), 125);
}

}  // namespace coracle::network
