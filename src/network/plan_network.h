// From what the user asks of a new network to its record: the checks, and the choice of what was left open.
#ifndef CORACLE_NETWORK_PLAN_NETWORK_H_
#define CORACLE_NETWORK_PLAN_NETWORK_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "network/used_subnets.h"
#include "store/store.h"

namespace coracle::network {

// Texts are as the user gave them.
struct NetworkRequest {
  std::string name;    // empty: made up
  std::string driver;  // empty: bridge
  std::vector<std::string> subnets, gateways, ranges;
  std::vector<std::string> routes;  // DESTINATION,GATEWAY[,METRIC]
  std::vector<std::string> dns_servers;
  std::string ipam_driver;     // empty, default, host-local, none
  std::string interface_name;  // of the bridge, or the parent
  bool ipv4 = true;            // false: no IPv4 subnet is added
  bool ipv6 = false;
  bool internal = false;
  bool disable_dns = false;
  std::vector<std::pair<std::string, std::string>> labels, options;
};

// What a plan depends on besides.
struct HostNetworks {
  std::vector<UsedSubnet> used;  // of the host
  std::vector<std::string>
      interfaces;                 // names of the host's; empty: unknown, nothing is checked against them
  std::string default_interface;  // with the default route; empty: none
};
HostNetworks ProbeHostNetworks();

// Pure, but for a random id and a made-up name. Errors, exit code 125: InvalidArgument naming what is wrong;
// AlreadyExists for a name or bridge that another network has; FailedPrecondition for a subnet that overlaps
// another's or the host's; ResourceExhausted if there is no free subnet; Unimplemented.
absl::StatusOr<store::NetworkRecord> PlanNetwork(const NetworkRequest& request,
                                                 absl::Span<const store::NetworkRecord> others,
                                                 const HostNetworks& host);

// The default network as it is to be made: 10.88.0.0/16 and coracle0, or the next free of each.
absl::StatusOr<store::NetworkRecord> PlanDefaultNetwork(store::NetworkRecord record,
                                                        absl::Span<const store::NetworkRecord> others,
                                                        const HostNetworks& host);
// The default network, made now if it is not yet.
absl::StatusOr<store::NetworkRecord> EnsureDefaultNetwork(const store::Store& store);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_PLAN_NETWORK_H_
