#include "network/link.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace coracle::network {
namespace {

using os::NetlinkAttributes;
using os::NetlinkBatch;
using os::NetlinkNest;

template <typename Header>
Header HeaderOf(absl::string_view payload) {
  Header header = {};
  if (payload.size() >= sizeof(header)) memcpy(&header, payload.data(), sizeof(header));
  return header;
}

Link ReadLink(absl::string_view payload) {
  const auto header = HeaderOf<ifinfomsg>(payload);
  const auto attributes = NetlinkAttributes::Of<ifinfomsg>(payload);
  Link link;
  link.index = header.ifi_index;
  link.name = attributes.String(IFLA_IFNAME);
  link.kind = attributes.Nested(IFLA_LINKINFO).String(IFLA_INFO_KIND);
  link.mac = std::string(attributes.Find(IFLA_ADDRESS));
  link.mtu = attributes.U32(IFLA_MTU);
  link.up = (header.ifi_flags & IFF_UP) != 0;
  link.master = static_cast<int>(attributes.U32(IFLA_MASTER));
  return link;
}

uint8_t FamilyOf(const IpAddress& address) { return address.is_v6() ? AF_INET6 : AF_INET; }

}  // namespace

absl::StatusOr<Link> FindLink(os::NetlinkSocket& socket, const std::string& name) {
  NetlinkBatch request;
  request.Begin(RTM_GETLINK, 0, ifinfomsg{}, absl::StrCat("interface ", name));
  request.PutString(IFLA_IFNAME, name);
  Link link;
  const absl::Status status =
      socket.Ask(request, [&](uint16_t, absl::string_view payload) { link = ReadLink(payload); });
  if (ErrnoOf(status) == ENODEV) {
    return absl::NotFoundError(absl::StrCat("interface ", name, ": there is none of that name"));
  }
  RETURN_IF_ERROR(status);
  return link;
}

absl::StatusOr<std::vector<Link>> ListLinks(os::NetlinkSocket& socket) {
  NetlinkBatch request;
  request.Begin(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}, "list the network interfaces");
  std::vector<Link> links;
  RETURN_IF_ERROR(
      socket.Ask(request, [&](uint16_t, absl::string_view payload) { links.push_back(ReadLink(payload)); }));
  return links;
}

absl::StatusOr<int> DefaultRouteLink(os::NetlinkSocket& socket) {
  int v4 = 0, v6 = 0;
  NetlinkBatch routes;
  routes.Begin(RTM_GETROUTE, NLM_F_DUMP, rtmsg{}, "list the routes");
  RETURN_IF_ERROR(socket.Ask(routes, [&](uint16_t, absl::string_view payload) {
    const auto header = HeaderOf<rtmsg>(payload);
    if (header.rtm_type != RTN_UNICAST || header.rtm_dst_len != 0 || header.rtm_table != RT_TABLE_MAIN)
      return;
    int& found = header.rtm_family == AF_INET6 ? v6 : v4;
    if (found == 0) found = static_cast<int>(NetlinkAttributes::Of<rtmsg>(payload).U32(RTA_OIF));
  }));
  return v4 != 0 ? v4 : v6;
}

void PutVeth(NetlinkBatch& batch, const VethRequest& request) {
  ifinfomsg header = {};
  header.ifi_flags = header.ifi_change = IFF_UP;
  batch.Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, header,
              absl::StrCat("make interface ", request.inner_name));
  batch.PutString(IFLA_IFNAME, request.host_name);
  if (request.mtu != 0) batch.PutU32(IFLA_MTU, request.mtu);
  batch.PutU32(IFLA_MASTER, request.bridge);
  const NetlinkNest info(batch, IFLA_LINKINFO);
  batch.PutString(IFLA_INFO_KIND, "veth");
  const NetlinkNest data(batch, IFLA_INFO_DATA);
  const NetlinkNest peer(batch, VETH_INFO_PEER);
  // The inner end can't be up yet: veth_open() wants both.
  const ifinfomsg inner = {};
  batch.Append(absl::string_view(reinterpret_cast<const char*>(&inner), sizeof(inner)));
  batch.PutString(IFLA_IFNAME, request.inner_name);
  batch.PutU32(IFLA_NET_NS_FD, request.netns);
  if (!request.mac.empty()) batch.Put(IFLA_ADDRESS, request.mac);
  if (request.mtu != 0) batch.PutU32(IFLA_MTU, request.mtu);
}

void PutBridgePort(NetlinkBatch& batch, const std::string& name, const BridgePort& port) {
  batch.Begin(RTM_NEWLINK, 0, ifinfomsg{}, absl::StrCat("set port ", name, " of a bridge"));
  batch.PutString(IFLA_IFNAME, name);
  const NetlinkNest info(batch, IFLA_LINKINFO);
  batch.PutString(IFLA_INFO_SLAVE_KIND, "bridge");
  const NetlinkNest data(batch, IFLA_INFO_SLAVE_DATA);
  batch.PutU8(IFLA_BRPORT_ISOLATED, port.isolated ? 1 : 0);
  batch.PutU8(IFLA_BRPORT_MODE, port.hairpin ? 1 : 0);
}

void PutSubLink(NetlinkBatch& batch, const SubLinkRequest& request) {
  batch.Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{},
              absl::StrCat("make ", request.kind, " interface ", request.inner_name));
  batch.PutString(IFLA_IFNAME, request.inner_name);
  batch.PutU32(IFLA_LINK, request.parent);
  batch.PutU32(IFLA_NET_NS_FD, request.netns);
  if (!request.mac.empty()) batch.Put(IFLA_ADDRESS, request.mac);
  if (request.mtu != 0) batch.PutU32(IFLA_MTU, request.mtu);
  const NetlinkNest info(batch, IFLA_LINKINFO);
  batch.PutString(IFLA_INFO_KIND, request.kind);
  const NetlinkNest data(batch, IFLA_INFO_DATA);
  if (request.kind == "macvlan") {
    batch.PutU32(IFLA_MACVLAN_MODE, request.mode);
  } else {
    batch.PutU16(IFLA_IPVLAN_MODE, request.mode);
  }
}

void PutBridge(NetlinkBatch& batch, const std::string& name, const std::string& mac, uint32_t mtu,
               uint16_t vlan) {
  batch.Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{}, absl::StrCat("make bridge ", name));
  batch.PutString(IFLA_IFNAME, name);
  if (!mac.empty()) batch.Put(IFLA_ADDRESS, mac);
  if (mtu != 0) batch.PutU32(IFLA_MTU, mtu);
  const NetlinkNest info(batch, IFLA_LINKINFO);
  batch.PutString(IFLA_INFO_KIND, "bridge");
  if (vlan == 0) return;
  const NetlinkNest data(batch, IFLA_INFO_DATA);
  batch.PutU8(IFLA_BR_VLAN_FILTERING, 1);
  batch.PutU16(IFLA_BR_VLAN_DEFAULT_PVID, vlan);
}

void PutPortVlan(NetlinkBatch& batch, int index, uint16_t vlan) {
  ifinfomsg header = {};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = index;
  batch.Begin(RTM_SETLINK, 0, header, absl::StrCat("put a port into vlan ", vlan));
  const NetlinkNest spec(batch, IFLA_AF_SPEC);
  const bridge_vlan_info info = {BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, vlan};
  batch.Put(IFLA_BRIDGE_VLAN_INFO, absl::string_view(reinterpret_cast<const char*>(&info), sizeof(info)));
}

void PutVlan(NetlinkBatch& batch, const std::string& name, int parent, uint16_t id) {
  ifinfomsg header = {};
  header.ifi_flags = header.ifi_change = IFF_UP;
  batch.Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, header, absl::StrCat("make vlan interface ", name));
  batch.PutString(IFLA_IFNAME, name);
  batch.PutU32(IFLA_LINK, parent);
  const NetlinkNest info(batch, IFLA_LINKINFO);
  batch.PutString(IFLA_INFO_KIND, "vlan");
  const NetlinkNest data(batch, IFLA_INFO_DATA);
  batch.PutU16(IFLA_VLAN_ID, id);
}

void PutRename(NetlinkBatch& batch, int index, const std::string& name) {
  ifinfomsg header = {};
  header.ifi_index = index;
  batch.Begin(RTM_NEWLINK, 0, header, absl::StrCat("name interface ", name));
  batch.PutString(IFLA_IFNAME, name);
}

void PutUp(NetlinkBatch& batch, int index, const std::string& name, bool ipv6) {
  ifinfomsg header = {};
  header.ifi_index = index;
  header.ifi_flags = header.ifi_change = IFF_UP;
  if (!ipv6) {
    ifinfomsg plain = {};
    plain.ifi_index = index;
    batch.Begin(RTM_SETLINK, 0, plain, absl::StrCat("set up interface ", name));
    const NetlinkNest specific(batch, IFLA_AF_SPEC);
    const NetlinkNest inet6(batch, AF_INET6);
    batch.PutU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  }
  batch.Begin(RTM_SETLINK, 0, header, absl::StrCat("set interface ", name, " up"));
}

void PutDelete(NetlinkBatch& batch, const std::string& name) {
  batch.Begin(RTM_DELLINK, 0, ifinfomsg{}, absl::StrCat("remove interface ", name));
  batch.PutString(IFLA_IFNAME, name);
}

void PutAddress(NetlinkBatch& batch, int index, const IpAddress& address, int prefix) {
  ifaddrmsg header = {};
  header.ifa_family = FamilyOf(address);
  header.ifa_prefixlen = prefix;
  header.ifa_index = index;
  if (address.is_v6()) header.ifa_flags = IFA_F_NODAD;
  batch.Begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header,
              absl::StrCat("add address ", address.ToString(), "/", prefix));
  batch.Put(IFA_LOCAL, address.Bytes());
  batch.Put(IFA_ADDRESS, address.Bytes());
  if (!address.is_v6() && prefix < 31) batch.Put(IFA_BROADCAST, Cidr(address, prefix).last().Bytes());
}

void PutRoute(NetlinkBatch& batch, int index, const Cidr& destination,
              const std::optional<IpAddress>& gateway, std::optional<uint32_t> metric) {
  rtmsg header = {};
  header.rtm_family = FamilyOf(destination.base());
  header.rtm_dst_len = destination.prefix();
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = gateway.has_value() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  batch.Begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header,
              absl::StrCat("add route ", destination.ToString(),
                           gateway.has_value() ? absl::StrCat(" via ", gateway->ToString()) : ""));
  if (destination.prefix() != 0) batch.Put(RTA_DST, destination.base().Bytes());
  if (gateway.has_value()) batch.Put(RTA_GATEWAY, gateway->Bytes());
  batch.PutU32(RTA_OIF, index);
  if (metric.has_value()) batch.PutU32(RTA_PRIORITY, *metric);
}

}  // namespace coracle::network
