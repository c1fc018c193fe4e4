// Networks: making, removing, and putting containers on them.
#ifndef CORACLE_ENGINE_NETWORKS_H_
#define CORACLE_ENGINE_NETWORKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "network/plan_network.h"
#include "store/network.h"

namespace coracle::engine {

// Whether containers of this mode are on networks of the store.
bool IsBridgeMode(absl::string_view network_mode);
// Of a container whose user asks for none.
std::string DefaultNetworkMode();

// Makes it and gives its name. `ignore`: one of that name is fine. Errors: as network::PlanNetwork.
absl::StatusOr<std::string> MakeNetwork(Engine& engine, const network::NetworkRequest& request, bool ignore);

// `force`: its containers are stopped and removed first. Errors: FailedPrecondition, exit code 2, naming the
// containers that use it; InvalidArgument for the default network.
absl::Status DeleteNetwork(Engine& engine, const std::string& name, bool force,
                           std::optional<uint32_t> timeout_seconds);

// Adds and removes name servers of the network. Errors: NotFound for one to remove that it does not have.
absl::Status UpdateNetworkServers(Engine& engine, const std::string& name,
                                  const std::vector<std::string>& add, const std::vector<std::string>& drop);

// Checks what an attachment asks of its network, and names both ends of it by id. Errors, exit code 125.
absl::Status CheckAttachment(const store::NetworkRecord& network, store::NetworkAttachment& attachment);

// Puts the container on one more network, or takes it off one; at once if it runs. `force` of Disconnect: a
// container that is not on it is fine. Errors, exit code 125: FailedPrecondition if it is on it already, or
// has a network that is not of the store; NotFound `container x is not connected to network y`.
absl::Status ConnectContainer(Engine& engine, const std::string& network, const std::string& container,
                              store::NetworkAttachment attachment);
absl::Status DisconnectContainer(Engine& engine, const std::string& network, const std::string& container,
                                 bool force);

// Locks of the networks that a container is about to be put on, in the order of their names; so none is
// removed before the container's record says that it uses it.
class HeldNetworks {
 public:
  // Resolves the names in `config`, fills in defaults (mode, ports of --publish-all, ids of links) and checks
  // everything that can be checked before a start.
  absl::Status Take(Engine& engine, store::ContainerConfig& config);

 private:
  std::vector<store::NetworkLock> locks_;
};

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_NETWORKS_H_
