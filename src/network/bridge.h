// The host's side of a network: its bridge, addresses and rules; the parent of macvlan and ipvlan.
//
// All functions work in the network namespace of the calling thread.
#ifndef CORACLE_NETWORK_BRIDGE_H_
#define CORACLE_NETWORK_BRIDGE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "network/firewall.h"
#include "network/link.h"
#include "os/netlink.h"
#include "store/store.h"

namespace coracle::network {

// Options of a network, as they are used. Errors: InvalidArgument, exit code 125.
absl::StatusOr<uint32_t> MtuOf(const store::NetworkRecord& network);  // 0: not given
uint16_t VlanOf(const store::NetworkRecord& network);                 // 0: not given
bool IsUnmanaged(const store::NetworkRecord& network);  // on a bridge that is not ours: only ports are
bool HasIpv6(const store::NetworkRecord& network);
FirewallNetwork FirewallNetworkOf(const store::NetworkRecord& network);

// The network's bridge, up, with its addresses and rules: made if it is missing. Two questions to the kernel
// if it is there. It stays until RemoveBridge, also when no container is on it. Any number of processes may
// do so at once; one that is killed half-way leaves what the next completes. Gives its index.
//
// One that is not managed is only looked for.
//
// Errors: AlreadyExists if the interface is there and no bridge; PermissionDenied, with a hint, where this
// process may not change the network; FailedPrecondition where forwarding can't be switched on.
absl::StatusOr<int> EnsureBridge(os::NetlinkSocket& route, Firewall& firewall,
                                 const store::NetworkRecord& network);
// Bridge and rules go. Missing is fine.
absl::Status RemoveBridge(const store::NetworkRecord& network);

// Sets the network's rules again, after somebody flushed them: `network reload`.
absl::Status ReloadRules(const store::NetworkRecord& network);

// After a change of rules by others: those of the network are made again if they are gone.
absl::Status RepairRules(const store::NetworkRecord& network);

// The link that a macvlan or ipvlan network lies on: the record's interface; if none is given, that of the
// default route. One of the form X.N that is missing is made, as VLAN N of X. Gives its index. Errors:
// NotFound.
absl::StatusOr<int> EnsureParent(os::NetlinkSocket& route, const store::NetworkRecord& network);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_BRIDGE_H_
