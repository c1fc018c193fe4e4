// Links, addresses and routes, in the network namespace of the socket that is given.
//
// Functions that add put messages into a batch, so that a container's whole set-up is one system call.
// Source: rtnetlink(7), ip-link(8); linux/if_link.h.
#ifndef CORACLE_NETWORK_LINK_H_
#define CORACLE_NETWORK_LINK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "network/address.h"
#include "os/netlink.h"

namespace coracle::network {

// IFNAMSIZ without the NUL.
inline constexpr size_t kInterfaceNameBytes = 15;

struct Link {
  int index = 0;
  std::string name;
  std::string kind;  // bridge, veth, macvlan, ...; empty: hardware, lo
  std::string mac;   // six bytes
  uint32_t mtu = 0;
  bool up = false;
  int master = 0;  // index of its bridge; 0: none
};
// Errors: NotFound.
absl::StatusOr<Link> FindLink(os::NetlinkSocket& socket, const std::string& name);
absl::StatusOr<std::vector<Link>> ListLinks(os::NetlinkSocket& socket);

// Index of the link with the first default route of IPv4, else of IPv6; 0: there is none.
absl::StatusOr<int> DefaultRouteLink(os::NetlinkSocket& socket);

// A pair: one end here, up and in `bridge`, the other in `netns`, down.
struct VethRequest {
  std::string host_name, inner_name;
  int bridge = 0;  // index
  int netns = -1;
  std::string mac;   // of the inner end, six bytes; empty: the kernel's
  uint32_t mtu = 0;  // 0: the kernel's default
};
void PutVeth(os::NetlinkBatch& batch, const VethRequest& request);

// A bridge's port. `isolated`: what comes in by it goes to none of the others that are isolated too.
// `hairpin`: it may go out where it came in.
struct BridgePort {
  bool isolated = false;
  bool hairpin = false;
};
void PutBridgePort(os::NetlinkBatch& batch, const std::string& name, const BridgePort& port);

// A link of its own on top of another, in `netns`, down.
struct SubLinkRequest {
  std::string kind;   // macvlan, ipvlan
  int parent = 0;     // index
  uint32_t mode = 0;  // MACVLAN_MODE_*, IPVLAN_MODE_*
  int netns = -1;
  std::string inner_name, mac;
  uint32_t mtu = 0;
};
void PutSubLink(os::NetlinkBatch& batch, const SubLinkRequest& request);

// `vlan`: which one its own end and its ports are in, untagged; 0: it does not know of VLANs.
void PutBridge(os::NetlinkBatch& batch, const std::string& name, const std::string& mac, uint32_t mtu,
               uint16_t vlan);
// The same of a port of a bridge that is not ours.
void PutPortVlan(os::NetlinkBatch& batch, int index, uint16_t vlan);
void PutVlan(os::NetlinkBatch& batch, const std::string& name, int parent, uint16_t id);
// `ipv6`: false keeps the link from making itself a link-local address.
void PutRename(os::NetlinkBatch& batch, int index, const std::string& name);  // of one that is down
void PutUp(os::NetlinkBatch& batch, int index, const std::string& name, bool ipv6);
void PutDelete(os::NetlinkBatch& batch, const std::string& name);
// The address is usable at once: no search for duplicates.
void PutAddress(os::NetlinkBatch& batch, int index, const IpAddress& address, int prefix);
// `destination` of prefix 0: the default route. `gateway` none: on the link.
void PutRoute(os::NetlinkBatch& batch, int index, const Cidr& destination,
              const std::optional<IpAddress>& gateway, std::optional<uint32_t> metric);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_LINK_H_
