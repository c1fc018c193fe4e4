// Containers on networks of the store: what is decided before a start, what the monitor does at it, and what
// is given back.
#ifndef CORACLE_ENGINE_BRIDGE_NETWORK_H_
#define CORACLE_ENGINE_BRIDGE_NETWORK_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "monitor/network_session.h"
#include "network/endpoint.h"

namespace coracle::engine {

struct BridgeNetwork {
  monitor::ConnectNetwork connect;
  std::vector<int> passed_fds;  // sockets for the container itself (-p ...,fd)
  std::vector<int> kept_fds;    // of `connect`, which the monitor must not close: sockets that hold ports
  // Gives back addresses, names and ports: when the container has ended for good, or could not be started.
  std::function<void()> release;
  std::vector<store::NetworkStatus> networks;  // what it will have; mac may be empty
};

// Leases addresses and binds ports for the container (network_mode bridge), whose liveness lock the caller
// holds. Errors carry exit code 125; nothing stays taken on error.
absl::StatusOr<BridgeNetwork> PlanBridgeNetwork(const store::Store& store,
                                                const store::ContainerRecord& record);

// One endpoint: leases its addresses. `position`: which of the container's networks it is, from 0;
// eth<position> unless named. `before`: what it had there in an earlier run, which it gets again if it can.
absl::StatusOr<network::Endpoint> PlanEndpoint(const store::Store& store, const std::string& container_id,
                                               const store::NetworkRecord& network,
                                               const store::NetworkAttachment& attachment, uint32_t position,
                                               const store::NetworkStatus* before = nullptr);

// By these names and addresses others find the container there. A no-op for networks without DNS.
absl::Status PublishEndpoint(const store::Store& store, const std::string& container_id,
                             const std::string& container_name, const network::Endpoint& endpoint);

// What a killed monitor left outside of its container's namespaces: published ports, names and leases.
absl::Status CleanUpNetworks(const store::Store& store, const std::string& container_id);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_BRIDGE_NETWORK_H_
