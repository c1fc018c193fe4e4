// The names and addresses by which containers find each other, as their resolvers read them.
//
// Who connects a container to a network publishes it here, and who disconnects it withdraws it; the resolvers
// in the monitors of other containers see it at their next query. All lies in runroot:
//   networks/<network id>/names/<container id>   name, aliases and addresses there
//   containers/<container id>/dns/<network id>   that the container sees that network's names, and forwards
//   how
// Every change replaces, makes or removes a file, so that the directory's time of change tells of it. What a
// killed monitor leaves here is seen as dead by its liveness lock, and goes with the sweep.
#ifndef CORACLE_NETWORK_PUBLISHED_NAMES_H_
#define CORACLE_NETWORK_PUBLISHED_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::network {

// Where a container's resolver listens, inside its own network namespace: UDP and TCP, port 53. What its
// resolv.conf names.
inline constexpr char kResolverAddress[] = "127.0.0.11";

struct PublishedNames {
  std::string container_id, container_name;
  std::vector<std::string> aliases;    // --network-alias, a service's name: several containers may share one
  std::vector<std::string> addresses;  // of both families, with or without prefix length
};
struct NetworkDns {
  std::string network_name;          // `name.network` is answered too
  bool internal = false;             // nothing is forwarded for a container that is on such networks only
  std::vector<std::string> servers;  // the network's own dns_servers; empty: the host's
};

// To be called when the addresses are set up, before the container runs, and for `network connect`. Replaces
// what was published before. Only for networks with dns_enabled.
absl::Status PublishNames(const store::Store& store, const std::string& network_id,
                          const PublishedNames& names, const NetworkDns& dns);
// Missing is fine.
void WithdrawNames(const store::Store& store, const std::string& network_id, const std::string& container_id);
// Of all its networks: when a run has ended.
void WithdrawAllNames(const store::Store& store, const std::string& container_id);
// Withdraws those of containers whose monitor does not live: resolvers leave them out already.
void SweepNames(const store::Store& store);

// Readers. Errors: NotFound, also for what is no id (a file just being replaced).
absl::StatusOr<PublishedNames> ReadPublishedNames(const store::Store& store, absl::string_view network_id,
                                                  absl::string_view container_id);
absl::StatusOr<NetworkDns> ReadNetworkDns(const store::Store& store, absl::string_view container_id,
                                          absl::string_view network_id);
std::string NamesDir(const store::Store& store, absl::string_view network_id);
std::string SeenNetworksDir(const store::Store& store, absl::string_view container_id);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_PUBLISHED_NAMES_H_
