// The ports of running containers, as the firewall knows them.
#ifndef CORACLE_ENGINE_PUBLISHED_PORTS_H_
#define CORACLE_ENGINE_PUBLISHED_PORTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "network/firewall.h"
#include "network/held_ports.h"
#include "network/port_forwarder.h"

namespace coracle::engine {

// Where each of `state.ports` leads: to the first of `state.networks` that has a bridge, of each family,
// those with a gateway before those without.
std::vector<network::Publication> PublicationsOf(const store::ContainerState& state);

// Where clients of a socket that holds one of `state.ports` are to go; addresses of its own family first.
std::optional<network::PortForwarder::Target> ForwardTargetOf(const store::ContainerState& state,
                                                              const network::PortForwarder::Socket& socket);

// Binds the ports that the record asks for. Errors, exit code 125: AlreadyExists `port 8080/tcp on 0.0.0.0 is
// in use by container web`, or by whichever program has it.
absl::StatusOr<network::HeldPorts> HoldPortsOf(const store::Store& store,
                                               const store::ContainerRecord& record);

// Publishes the ports of `state` for a container whose sockets hold them. What is published is noted in its
// run directory first, so that it is found if the monitor is killed.
absl::Status PublishPorts(const store::Store& store, const std::string& container_id,
                          const store::ContainerState& state);
// Takes back what is noted there; nothing is fine. For whoever ends the container, or finds it dead.
absl::Status UnpublishPorts(const store::Store& store, const std::string& container_id);

// Somebody else has changed rules of the host: makes those of the container's networks and ports again that
// are gone.
absl::Status RepairRulesOf(const store::Store& store, const std::string& container_id);

// Our rules were gone as a whole: those of the networks and ports of all running containers are made again.
// Goes on after an error and gives the first.
absl::Status RestoreRules(const store::Store& store);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_PUBLISHED_PORTS_H_
