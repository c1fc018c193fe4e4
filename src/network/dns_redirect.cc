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

constexpr int32_t kNatDestination = -100;  // NF_IP_PRI_NAT_DST
constexpr uint32_t kDestination4 = 16;     // offset in the header of IPv4

}  // namespace

absl::Status RedirectDns(uint16_t udp_port, uint16_t tcp_port) {
  ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(kResolverAddress));
  ASSIGN_OR_RETURN(os::NetlinkSocket socket, os::NetlinkSocket::Open(NETLINK_NETFILTER));
  const NftTable table = {NFPROTO_IPV4, "coracle"};
  os::NetlinkBatch batch;
  PutNewTable(batch, table);
  PutNewChain(batch, table, {"resolver", "nat", NF_INET_LOCAL_OUT, kNatDestination});
  const std::pair<uint8_t, uint16_t> ports[] = {{uint8_t{IPPROTO_UDP}, udp_port},
                                                {uint8_t{IPPROTO_TCP}, tcp_port}};
  for (const auto& [protocol, port] : ports) {
    const char protocol_byte[] = {static_cast<char>(protocol)};
    PutRule(batch, table, "resolver", [&, to = port](NftRule& rule) {
      rule.Payload(NFT_PAYLOAD_NETWORK_HEADER, kDestination4, 4, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, address.Bytes())
          .Meta(NFT_META_L4PROTO, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, absl::string_view(protocol_byte, 1))
          .Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1)
          .Compare(NFT_REG_1, NFT_CMP_EQ, PortKey(53).substr(0, 2))
          .Load(NFT_REG_1, address.Bytes())
          .Load(NFT_REG_2, PortKey(to).substr(0, 2))
          .DnatTo(NFPROTO_IPV4, NFT_REG_1, NFT_REG_2);
    });
  }
  return socket.SendNftTransaction(batch);
}

}  // namespace coracle::network
