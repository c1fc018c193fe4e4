#include "engine/running_network.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "engine/bridge_network.h"
#include "engine/name_files.h"
#include "engine/published_ports.h"
#include "engine/shared_network.h"
#include "network/bridge.h"
#include "network/endpoint.h"
#include "network/lease.h"
#include "network/published_names.h"
#include "os/network_namespace.h"

namespace coracle::engine {
namespace {

using store::ContainerState;
using store::NetworkStatus;

// The number of the first eth<N> that the container does not have.
uint32_t FreePosition(const ContainerState& state) {
  for (uint32_t position = 0;; ++position) {
    const std::string name = absl::StrCat("eth", position);
    const bool taken =
        std::any_of(state.networks().begin(), state.networks().end(),
                    [&](const NetworkStatus& status) { return status.interface_name() == name; });
    if (!taken) return position;
  }
}

void ReleaseEndpoint(const store::Store& store, const std::string& id, const NetworkStatus& status) {
  const std::vector<std::string> addresses(status.addresses().begin(), status.addresses().end());
  // Best effort: the leases end with the container in any case.
  (void)network::ReleaseAddresses(store, status.network_id(), id, addresses);
  network::WithdrawNames(store, status.network_id(), id);
}

// The state's networks changed: published ports follow, then the files, then the state says so.
absl::Status Settle(Engine& engine, const ContainerView& view, const ContainerState& before,
                    const ContainerState& after) {
  const std::string& id = view.record.id();
  if (before.ports_size() > 0) {
    RETURN_IF_ERROR(UnpublishPorts(engine.store, id));
    RETURN_IF_ERROR(PublishPorts(engine.store, id, after));
  }
  const std::vector<NetworkStatus> networks(after.networks().begin(), after.networks().end());
  RETURN_IF_ERROR(
      WriteNameFiles(engine.store, NameFilesOf(engine.store, view.record), networks, GatewayOf(networks)));
  return store::WriteState(engine.store, id, after);
}

}  // namespace

absl::Status ConnectRunning(Engine& engine, const ContainerView& view, const store::NetworkRecord& network,
                            const store::NetworkAttachment& attachment) {
  const std::string& id = view.record.id();
  RETURN_IF_ERROR(EnterSharedNetwork(engine.store).status());
  ASSIGN_OR_RETURN(const os::UniqueFd netns, os::OpenNetworkNamespace(view.state.pid()));
  ASSIGN_OR_RETURN(network::Endpoint endpoint,
                   PlanEndpoint(engine.store, id, network, attachment, FreePosition(view.state)));
  endpoint.publishes = view.state.ports_size() > 0;
  bool connected = false, rules_were_lost = false;
  absl::Cleanup undo = [&] {
    if (connected) (void)network::DisconnectEndpoint(netns.get(), endpoint.status);  // best effort
    ReleaseEndpoint(engine.store, id, endpoint.status);
  };
  RETURN_IF_ERROR(network::ConnectEndpoint(netns.get(), endpoint, &rules_were_lost));
  connected = true;
  RETURN_IF_ERROR(PublishEndpoint(engine.store, id, view.record.name(), endpoint));
  if (rules_were_lost) RETURN_IF_ERROR(RestoreRules(engine.store));
  ContainerState state = view.state;
  *state.add_networks() = endpoint.status;
  RETURN_IF_ERROR(Settle(engine, view, view.state, state));
  std::move(undo).Cancel();
  return absl::OkStatus();
}

absl::Status DisconnectRunning(Engine& engine, const ContainerView& view,
                               const store::NetworkRecord& network) {
  ContainerState state = view.state;
  auto* networks = state.mutable_networks();
  const auto found = std::find_if(networks->begin(), networks->end(), [&](const NetworkStatus& status) {
    return status.network_id() == network.id();
  });
  if (found == networks->end()) return absl::OkStatus();
  const NetworkStatus gone = *found;
  RETURN_IF_ERROR(EnterSharedNetwork(engine.store).status());
  ASSIGN_OR_RETURN(const os::UniqueFd netns, os::OpenNetworkNamespace(view.state.pid()));
  RETURN_IF_ERROR(network::DisconnectEndpoint(netns.get(), gone), "disconnect container ", view.record.name(),
                  " from network ", network.name());
  networks->erase(found);
  RETURN_IF_ERROR(Settle(engine, view, view.state, state));
  ReleaseEndpoint(engine.store, view.record.id(), gone);
  return absl::OkStatus();
}

absl::Status RenameRunning(Engine& engine, const ContainerView& view) {
  for (const NetworkStatus& status : view.state.networks()) {
    if (status.network_id().empty()) continue;  // of pasta or slirp4netns
    network::Endpoint endpoint;
    ASSIGN_OR_RETURN(endpoint.network, store::ReadNetwork(engine.store, status.network_name()));
    endpoint.status = status;
    RETURN_IF_ERROR(PublishEndpoint(engine.store, view.record.id(), view.record.name(), endpoint));
  }
  return absl::OkStatus();
}

absl::Status ReloadRunning(Engine& engine, const ContainerView& view) {
  RETURN_IF_ERROR(EnterSharedNetwork(engine.store).status());
  for (const NetworkStatus& status : view.state.networks()) {
    if (status.host_interface_name().empty()) continue;  // macvlan and ipvlan have no rules
    ASSIGN_OR_RETURN(const store::NetworkRecord record,
                     store::ReadNetwork(engine.store, status.network_name()));
    RETURN_IF_ERROR(network::ReloadRules(record), "container ", view.record.name());
  }
  if (view.state.ports_size() == 0) return absl::OkStatus();
  return PublishPorts(engine.store, view.record.id(), view.state);
}

}  // namespace coracle::engine
