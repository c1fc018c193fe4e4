#include "network/client_address.h"

#include <netinet/in.h>

// After those of the C library.
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"
#include "network/nft_message.h"
#include "os/netlink.h"

namespace coracle::network {
namespace {

// Of sockets, of their connections; and the routing table.
constexpr uint32_t kSocketMark = 0x636f, kConnectionMark = 0x6370;
constexpr uint8_t kTable = 100;
constexpr uint32_t kRulePriority = 100;
constexpr int kMangle = -150;  // NF_IP_PRI_MANGLE: behind conntrack
constexpr uint32_t kLoopbackIndex = 1;

absl::string_view BytesOf(const uint32_t& value) {
  return absl::string_view(reinterpret_cast<const char*>(&value), sizeof(value));
}

absl::Status AddRules() {
  ASSIGN_OR_RETURN(os::NetlinkSocket socket, os::NetlinkSocket::Open(NETLINK_NETFILTER));
  const NftTable table = {NFPROTO_INET, "coracle_client"};
  os::NetlinkBatch batch;
  PutNewTable(batch, table);
  PutNewChain(batch, table, {"out", "filter", NF_INET_LOCAL_OUT, kMangle});
  PutNewChain(batch, table, {"in", "filter", NF_INET_PRE_ROUTING, kMangle});
  PutRule(batch, table, "out", [](NftRule& rule) {
    rule.Meta(NFT_META_MARK, NFT_REG_1)
        .Compare(NFT_REG_1, NFT_CMP_EQ, BytesOf(kSocketMark))
        .Load(NFT_REG_1, BytesOf(kConnectionMark))
        .SetCt(NFT_CT_MARK, NFT_REG_1);
  });
  PutRule(batch, table, "in", [](NftRule& rule) {
    rule.Ct(NFT_CT_MARK, NFT_REG_1)
        .Compare(NFT_REG_1, NFT_CMP_EQ, BytesOf(kConnectionMark))
        .SetMeta(NFT_META_MARK, NFT_REG_1);
  });
  const absl::Status status = socket.SendNftTransaction(batch);
  return ErrnoOf(status) == EEXIST ? absl::OkStatus() : status;
}

absl::Status AddRoutes(os::NetlinkSocket& socket, uint8_t family) {
  os::NetlinkBatch batch;
  rtmsg route = {};
  route.rtm_family = family;
  route.rtm_table = kTable;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_HOST;
  route.rtm_type = RTN_LOCAL;
  batch.Begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route, "make every address local");
  batch.PutU32(RTA_OIF, kLoopbackIndex);
  fib_rule_hdr rule = {};
  rule.family = family;
  rule.table = kTable;
  rule.action = FR_ACT_TO_TBL;
  batch.Begin(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule, "look marked packets up");
  batch.PutU32(FRA_PRIORITY, kRulePriority);
  batch.PutU32(FRA_FWMARK, kConnectionMark);
  batch.PutU32(FRA_FWMASK, UINT32_MAX);
  return socket.Send(batch, {EEXIST});
}

}  // namespace

absl::Status KeepClientAddresses() {
  ASSIGN_OR_RETURN(os::NetlinkSocket socket, os::NetlinkSocket::Open(NETLINK_ROUTE));
  RETURN_IF_ERROR(AddRoutes(socket, AF_INET));
  (void)AddRoutes(socket, AF_INET6);  // of a kernel without IPv6
  return AddRules();
}

bool BindAsClient(int fd, const sockaddr* client, socklen_t size) {
  sockaddr_storage address = {};
  if (size > sizeof(address)) return false;
  memcpy(&address, client, size);
  const int on = 1;
  int set = -1;
  if (address.ss_family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    if (ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) return false;
    v4->sin_port = 0;
    set = setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on));
  } else if (address.ss_family == AF_INET6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) return false;
    v6->sin6_port = 0;
    set = setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
  }
  // Many connections to one server may have one address: the port is chosen by connect(2), which knows both
  // ends.
  return set == 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &kSocketMark, sizeof(kSocketMark)) == 0 &&
         setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0 &&
         bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

}  // namespace coracle::network
