// The rules of our table (see firewall.h).
#ifndef CORACLE_NETWORK_FIREWALL_RULES_H_
#define CORACLE_NETWORK_FIREWALL_RULES_H_

#include "network/nft_message.h"
#include "os/netlink.h"

namespace coracle::network {

NftTable FirewallTable();
// Table, sets, chains and rules, for one transaction. It fails with EEXIST if the table is there.
void PutFirewall(os::NetlinkBatch& batch);

inline constexpr char kBridgesSet[] = "bridges";
inline constexpr char kOwnSet[] = "own";
inline constexpr char kInternalSet[] = "internal";
inline constexpr char kIsolatedSet[] = "isolated";
inline constexpr char kSubnets4Set[] = "subnets4";
inline constexpr char kSubnets6Set[] = "subnets6";
inline constexpr char kPorts4Map[] = "ports4";
inline constexpr char kPorts6Map[] = "ports6";
inline constexpr char kPorts4AtMap[] = "ports4_at";
inline constexpr char kPorts6AtMap[] = "ports6_at";

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_FIREWALL_RULES_H_
