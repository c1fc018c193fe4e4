#include "network/dns_redirect.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include <utility>

#include "base/status.h"
#include "network/address.h"
#include "network/nft_message.h"
#include "network/published_names.h"
#include "os/netlink.h"

namespace coracle::network {
namespace {

constexpr int32_t kRaw = -300;  // NF_IP_PRI_RAW
// Offsets in the headers of IPv4, and of TCP and UDP.
constexpr uint32_t kSource4 = 12, kDestination4 = 16, kSourcePort = 0, kDestinationPort = 2;
constexpr uint32_t kTcpChecksum = 16, kUdpChecksum = 6;
constexpr uint16_t kDnsPort = 53;

}  // namespace

absl::Status RedirectDns(uint16_t udp_port, uint16_t tcp_port) {
  ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(kResolverAddress));
  ASSIGN_OR_RETURN(os::NetlinkSocket socket, os::NetlinkSocket::Open(NETLINK_NETFILTER));
  const NftTable table = {NFPROTO_IPV4, "coracle"};
  os::NetlinkBatch batch;
  PutNewTable(batch, table);
  PutNewChain(batch, table, {"resolver", "filter", NF_INET_LOCAL_OUT, kRaw});
  // Both ways by hand: NAT would have all connections of the namespace tracked.
  const auto rewrite = [&](uint32_t address_offset, uint8_t protocol, uint32_t port_offset, uint16_t from,
                           uint16_t to) {
    PutRule(batch, table, "resolver", [&](NftRule& rule) {
      rule.Payload(NFT_PAYLOAD_NETWORK_HEADER, address_offset, 4, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, address.Bytes())
          .Meta(NFT_META_L4PROTO, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, ProtocolKey(protocol).substr(0, 1))
          .Payload(NFT_PAYLOAD_TRANSPORT_HEADER, port_offset, 2, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, PortKey(from).substr(0, 2))
          .Load(NFT_REG_1, PortKey(to).substr(0, 2))
          .SetTransport(NFT_REG_1, port_offset, 2, protocol == IPPROTO_TCP ? kTcpChecksum : kUdpChecksum);
    });
  };
  const std::pair<uint8_t, uint16_t> ports[] = {{uint8_t{IPPROTO_UDP}, udp_port},
                                                {uint8_t{IPPROTO_TCP}, tcp_port}};
  for (const auto& [protocol, port] : ports) {
    rewrite(kDestination4, protocol, kDestinationPort, kDnsPort, port);
    rewrite(kSource4, protocol, kSourcePort, port, kDnsPort);
  }
  return socket.SendNftTransaction(batch);
}

}  // namespace coracle::network
