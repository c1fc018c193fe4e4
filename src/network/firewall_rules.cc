#include "network/firewall_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <sys/socket.h>

#include <string>

namespace coracle::network {
namespace {

using os::NetlinkBatch;

// linux/netfilter_ipv4.h: NF_IP_PRI_RAW, FILTER, NAT_DST, NAT_SRC.
constexpr int kRaw = -300, kFilter = 0, kNatDestination = -100, kNatSource = 100;

// struct iphdr and ip6_hdr.
constexpr uint32_t kSource4 = 12, kDestination4 = 16, kSource6 = 8;
constexpr uint32_t kDestination6 = 24;

// What the rules of the two families differ in.
struct Family {
  uint8_t number;  // NFPROTO_...
  const char* ports_chain;
  const char *ports_map, *ports_at_map, *subnets_set;
  uint32_t source, destination, size;  // of addresses in the header
  uint32_t behind_address;             // the register of 4 bytes behind an address in NFT_REG_1
};
const Family kFamilies[] = {
    {NFPROTO_IPV4, "ports_of_4", kPorts4Map, kPorts4AtMap, kSubnets4Set, kSource4, kDestination4, 4,
     NFT_REG32_01},
    {NFPROTO_IPV6, "ports_of_6", kPorts6Map, kPorts6AtMap, kSubnets6Set, kSource6, kDestination6, 16,
     NFT_REG32_04},
};

// nf_conntrack_common.h: NF_CT_STATE_BIT(IP_CT_ESTABLISHED) and of IP_CT_RELATED.
constexpr uint32_t kKnownConnections = 1 << (IP_CT_ESTABLISHED + 1) | 1 << (IP_CT_RELATED + 1);

const char kLoopback4[] = {127};
const std::string Loopback6() {
  std::string address(16, '\0');
  address[15] = 1;
  return address;
}

void PutSets(NetlinkBatch& batch) {
  const auto kInterface = NftType::kInterface;
  const auto v4 = NftType::kIpv4, v6 = NftType::kIpv6, protocol = NftType::kProtocol, port = NftType::kPort;
  const NftSet sets[] = {
      {kBridgesSet, {kInterface}, {}, false},
      {kOwnSet, {kInterface, kInterface}, {}, false},
      {kInternalSet, {kInterface}, {}, false},
      {kIsolatedSet, {kInterface}, {}, false},
      {kSubnets4Set, {v4}, {}, true},
      {kSubnets6Set, {v6}, {}, true},
      {kPorts4Map, {protocol, port}, {v4, port}, false},
      {kPorts6Map, {protocol, port}, {v6, port}, false},
      {kPorts4AtMap, {v4, protocol, port}, {v4, port}, false},
      {kPorts6AtMap, {v6, protocol, port}, {v6, port}, false},
  };
  uint32_t id = 1;
  for (const NftSet& set : sets) PutNewSet(batch, FirewallTable(), set, id++);
}

void PutChains(NetlinkBatch& batch) {
  const NftChain chains[] = {
      {"ports_of_4", "", 0, 0},
      {"ports_of_6", "", 0, 0},
      {"early", "filter", NF_INET_PRE_ROUTING, kRaw},
      {"forward", "filter", NF_INET_FORWARD, kFilter},
      {"incoming", "nat", NF_INET_PRE_ROUTING, kNatDestination},
      {"local", "nat", NF_INET_LOCAL_OUT, kNatDestination},
      {"outgoing", "nat", NF_INET_POST_ROUTING, kNatSource},
  };
  for (const NftChain& chain : chains) PutNewChain(batch, FirewallTable(), chain);
}

void Add(NetlinkBatch& batch, const std::string& chain, absl::FunctionRef<void(NftRule&)> add) {
  PutRule(batch, FirewallTable(), chain, add);
}

NftRule& IsToLoopback(NftRule& rule) {
  return rule.IsFamily(NFPROTO_IPV4)
      .Payload(NFT_PAYLOAD_NETWORK_HEADER, kDestination4, 1, NFT_REG_1)
      .Compare(NFT_REG_1, NFT_CMP_EQ, absl::string_view(kLoopback4, 1));
}

void PutForward(NetlinkBatch& batch) {
  const uint32_t zero = 0;
  const absl::string_view zero_bytes(reinterpret_cast<const char*>(&zero), sizeof(zero));
  // Bridges have route_localnet: a container must not reach the host's loopback by it.
  Add(batch, "early", [](NftRule& rule) {
    IsToLoopback(rule).Meta(NFT_META_IIFNAME, NFT_REG_1).InSet(kBridgesSet, NFT_REG_1).Verdict(NF_DROP);
  });
  Add(batch, "forward", [&](NftRule& rule) {
    rule.Ct(NFT_CT_STATE, NFT_REG_1)
        .And(NFT_REG_1, kKnownConnections)
        .Compare(NFT_REG_1, NFT_CMP_NEQ, zero_bytes)
        .Verdict(NF_ACCEPT);
  });
  // With br_netfilter what stays on a bridge comes by here too.
  Add(batch, "forward", [](NftRule& rule) {
    rule.Meta(NFT_META_IIFNAME, NFT_REG_1)
        .Meta(NFT_META_OIFNAME, NFT_REG_2)
        .InSet(kOwnSet, NFT_REG_1)
        .Verdict(NF_ACCEPT);
  });
  for (const nft_meta_keys side : {NFT_META_IIFNAME, NFT_META_OIFNAME}) {
    Add(batch, "forward",
        [&](NftRule& rule) { rule.Meta(side, NFT_REG_1).InSet(kInternalSet, NFT_REG_1).Verdict(NF_DROP); });
  }
  Add(batch, "forward", [&](NftRule& rule) {
    rule.Ct(NFT_CT_STATUS, NFT_REG_1)
        .And(NFT_REG_1, IPS_DST_NAT)
        .Compare(NFT_REG_1, NFT_CMP_NEQ, zero_bytes)
        .Verdict(NF_ACCEPT);
  });
  Add(batch, "forward", [](NftRule& rule) {
    rule.Meta(NFT_META_IIFNAME, NFT_REG_1)
        .InSet(kIsolatedSet, NFT_REG_1)
        .Meta(NFT_META_OIFNAME, NFT_REG_1)
        .InSet(kBridgesSet, NFT_REG_1)
        .Verdict(NF_DROP);
  });
  Add(batch, "forward", [](NftRule& rule) {
    rule.Meta(NFT_META_OIFNAME, NFT_REG_1).InSet(kIsolatedSet, NFT_REG_1).Verdict(NF_DROP);
  });
}

void PutPorts(NetlinkBatch& batch) {
  for (const Family& family : kFamilies) {
    const uint32_t behind = family.behind_address;
    Add(batch, family.ports_chain, [&](NftRule& rule) {
      rule.Payload(NFT_PAYLOAD_NETWORK_HEADER, family.destination, family.size, NFT_REG_1)
          .Meta(NFT_META_L4PROTO, behind)
          .Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, behind + 1)
          .Map(family.ports_at_map, NFT_REG_1, NFT_REG_1)
          .DnatTo(family.number, NFT_REG_1, behind);
    });
    Add(batch, family.ports_chain, [&](NftRule& rule) {
      rule.Meta(NFT_META_L4PROTO, NFT_REG_1)
          .Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_01)
          .Map(family.ports_map, NFT_REG_1, NFT_REG_1)
          .DnatTo(family.number, NFT_REG_1, behind);
    });
  }
  // What is published on 127.0.0.1 is not for those who send such packets from outside.
  Add(batch, "incoming", [](NftRule& rule) { IsToLoopback(rule).Verdict(NF_ACCEPT); });
  // IPv6 has no route_localnet: who asks at ::1 is served by the monitor (port_forwarder.h).
  Add(batch, "local", [](NftRule& rule) {
    rule.IsFamily(NFPROTO_IPV6)
        .Payload(NFT_PAYLOAD_NETWORK_HEADER, kDestination6, 16, NFT_REG_1)
        .Compare(NFT_REG_1, NFT_CMP_EQ, Loopback6())
        .Verdict(NF_ACCEPT);
  });
  const uint32_t local = 2;  // RTN_LOCAL
  const absl::string_view local_bytes(reinterpret_cast<const char*>(&local), sizeof(local));
  for (const char* chain : {"incoming", "local"}) {
    for (const Family& family : kFamilies) {
      Add(batch, chain, [&](NftRule& rule) {
        rule.IsFamily(family.number)
            .FibType(NFT_REG_1)
            .Compare(NFT_REG_1, NFT_CMP_EQ, local_bytes)
            .Verdict(NFT_JUMP, family.ports_chain);
      });
    }
  }
}

void PutOutgoing(NetlinkBatch& batch) {
  const uint32_t zero = 0;
  const absl::string_view zero_bytes(reinterpret_cast<const char*>(&zero), sizeof(zero));
  const auto to_bridge = [](NftRule& rule) -> NftRule& {
    return rule.Meta(NFT_META_OIFNAME, NFT_REG_1).InSet(kBridgesSet, NFT_REG_1);
  };
  const auto from_subnets = [](NftRule& rule, const Family& family) -> NftRule& {
    return rule.IsFamily(family.number)
        .Payload(NFT_PAYLOAD_NETWORK_HEADER, family.source, family.size, NFT_REG_1)
        .InSet(family.subnets_set, NFT_REG_1);
  };
  // From the host's loopback to a published port: a container can't answer to 127.0.0.1.
  Add(batch, "outgoing", [&](NftRule& rule) {
    to_bridge(rule)
        .IsFamily(NFPROTO_IPV4)
        .Payload(NFT_PAYLOAD_NETWORK_HEADER, kSource4, 1, NFT_REG_1)
        .Compare(NFT_REG_1, NFT_CMP_EQ, absl::string_view(kLoopback4, 1))
        .Masquerade();
  });
  // From a container to a port that another of its network publishes: the answer must come back by us.
  for (const Family& family : kFamilies) {
    Add(batch, "outgoing", [&](NftRule& rule) {
      to_bridge(rule)
          .Ct(NFT_CT_STATUS, NFT_REG_1)
          .And(NFT_REG_1, IPS_DST_NAT)
          .Compare(NFT_REG_1, NFT_CMP_NEQ, zero_bytes);
      from_subnets(rule, family).Masquerade();
    });
  }
  Add(batch, "outgoing", [&](NftRule& rule) { to_bridge(rule).Verdict(NF_ACCEPT); });
  // Multicast (224.0.0.0/4, ff00::/8) keeps its source.
  const char multicast4[] = {static_cast<char>(0xe0), 0, 0, 0}, multicast6[] = {static_cast<char>(0xff)};
  Add(batch, "outgoing", [&](NftRule& rule) {
    rule.IsFamily(NFPROTO_IPV4)
        .Payload(NFT_PAYLOAD_NETWORK_HEADER, kDestination4, 4, NFT_REG_1)
        .And(NFT_REG_1, 0xf0)  // of the first byte on a little endian machine
        .Compare(NFT_REG_1, NFT_CMP_EQ, absl::string_view(multicast4, 4))
        .Verdict(NF_ACCEPT);
  });
  Add(batch, "outgoing", [&](NftRule& rule) {
    rule.IsFamily(NFPROTO_IPV6)
        .Payload(NFT_PAYLOAD_NETWORK_HEADER, kDestination6, 1, NFT_REG_1)
        .Compare(NFT_REG_1, NFT_CMP_EQ, absl::string_view(multicast6, 1))
        .Verdict(NF_ACCEPT);
  });
  for (const Family& family : kFamilies) {
    Add(batch, "outgoing", [&](NftRule& rule) { from_subnets(rule, family).Masquerade(); });
  }
}

}  // namespace

NftTable FirewallTable() { return {NFPROTO_INET, "coracle"}; }

void PutFirewall(NetlinkBatch& batch) {
  PutNewTable(batch, FirewallTable());
  PutSets(batch);
  PutChains(batch);
  PutForward(batch);
  PutPorts(batch);
  PutOutgoing(batch);
}

}  // namespace coracle::network
