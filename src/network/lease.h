// Address leases: which container has which address of a network.
//
// A lease is <runroot>/networks/<network id>/leases/<address>, a symlink whose text is the container's id
// (made exclusively and whole, one call each way). It is good for as long as that container's monitor holds
// its liveness lock, so a crash frees it and nothing has to be repaired. Whoever takes or frees leases holds
// the network's lease lock for the few calls that it needs.
//
// The next address is the one behind the last that was handed out, so that an address rests before it comes
// again: neighbours' ARP caches and clients have then forgotten who had it.
#ifndef CORACLE_NETWORK_LEASE_H_
#define CORACLE_NETWORK_LEASE_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "store/store.h"

namespace coracle::network {

struct LeasedAddress {
  std::string address;  // 10.89.0.2
  int prefix = 0;       // of the subnet
  std::string gateway;  // of the subnet; empty: none
  bool is_v6 = false;
  std::string WithPrefix() const;  // 10.89.0.2/24
};

// One address of each subnet of the network. `ip`, `ip6`: wanted ones, or empty; one that the container has
// already is given again. The container's liveness lock is held by the caller, as monitor or as who is about
// to fork it. Empty for a network whose ipam driver is none or dhcp.
//
// Errors, exit code 125: FailedPrecondition `IP address x is already used by container y`; InvalidArgument if
// no subnet has a wanted address, or it is the gateway's; ResourceExhausted `network x: no free address in
// 10.89.0.0/29`. Nothing is leased on error.
absl::StatusOr<std::vector<LeasedAddress>> LeaseAddresses(const store::Store& store,
                                                          const store::NetworkRecord& network,
                                                          absl::string_view container_id,
                                                          absl::string_view ip, absl::string_view ip6);

// Frees those of `addresses` (with or without prefix) that the container has. Missing is fine.
absl::Status ReleaseAddresses(const store::Store& store, absl::string_view network_id,
                              absl::string_view container_id, absl::Span<const std::string> addresses);

// Frees whatever the container has in the network. Best effort: what stays holds no longer than its monitor.
void ReleaseAllAddresses(const store::Store& store, absl::string_view network_id,
                         absl::string_view container_id);

// Who has leases in the network that no longer hold.
std::set<std::string> DeadHolders(const store::Store& store, absl::string_view network_id);

// Address (without prefix) and container id of each lease of the network that holds. Unsorted.
std::vector<std::pair<std::string, std::string>> ListLeases(const store::Store& store,
                                                            absl::string_view network_id);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_LEASE_H_
