#include "engine/published_ports.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "engine/shared_network.h"
#include "network/bridge.h"
#include "os/file.h"
#include "store/network.h"

namespace coracle::engine {
namespace {

using network::IpAddress;
using store::ContainerState;

std::string NotePath(const store::Store& store, const std::string& container_id) {
  return absl::StrCat(store.ContainerRunDir(container_id), "/published");
}

// The first address of the family on a bridge; of networks with a gateway if there is any.
struct BridgeAddress {
  IpAddress address;
  bool has_gateway = false;
};
std::optional<BridgeAddress> TargetOf(const ContainerState& state, bool v6) {
  std::optional<BridgeAddress> fallback;
  for (const store::NetworkStatus& status : state.networks()) {
    if (status.host_interface_name().empty()) continue;
    for (const std::string& text : status.addresses()) {
      const auto address = IpAddress::Parse(text.substr(0, text.find('/')));
      if (!address.ok() || address->is_v6() != v6) continue;
      if (status.gateways_size() > 0) return BridgeAddress{*address, true};
      if (!fallback.has_value()) fallback = BridgeAddress{*address, false};
    }
  }
  return fallback;
}

// What the networks say about ports that are published without an address; empty: nothing.
std::string DefaultHostAddress(const store::Store& store, const store::ContainerRecord& record) {
  if (record.config().ports().empty()) return "";
  for (const store::NetworkAttachment& attachment : record.config().networks()) {
    const auto network = store::ReadNetwork(store, attachment.network_name());
    if (!network.ok()) continue;
    std::string address = store::NetworkOption(*network, "host_binding_ipv4");
    if (!address.empty()) return address;
  }
  return "";
}

// "container web", "nginx (pid 123)".
std::string HolderName(const store::Store& store, const network::PortHolder& holder) {
  const auto ids = store::ListContainers(store);
  if (ids.ok()) {
    for (const std::string& id : *ids) {
      const auto state = store::ReadState(store, id);
      if (!state.ok() || state->monitor_pid() != holder.pid || !store::MonitorAlive(store, id)) continue;
      const auto record = store::ReadContainer(store, id);
      if (record.ok()) return absl::StrCat("container ", record->name());
    }
  }
  return absl::StrCat(holder.command, " (pid ", holder.pid, ")");
}

// Networks on bridges that are not ours have no rules: the monitor serves their clients
// (network/port_forwarder.h).
ContainerState OnOurBridges(const store::Store& store, ContainerState state) {
  auto* const networks = state.mutable_networks();
  for (int i = networks->size() - 1; i >= 0; --i) {
    const auto record = store::ReadNetwork(store, networks->Get(i).network_name());
    if (record.ok() && network::IsUnmanaged(*record)) networks->DeleteSubrange(i, 1);
  }
  return state;
}

// Open until the process ends: closing a socket of nf_tables waits until the kernel has freed what was
// removed last, which takes it some milliseconds.
absl::StatusOr<network::Firewall*> LastingFirewall() {
  static network::Firewall* lasting = nullptr;
  if (lasting == nullptr) {
    ASSIGN_OR_RETURN(network::Firewall firewall, network::Firewall::Open());
    lasting = new network::Firewall(std::move(firewall));
  }
  return lasting;
}

}  // namespace

std::vector<network::Publication> PublicationsOf(const ContainerState& state) {
  std::vector<network::Publication> result;
  for (const bool v6 : {false, true}) {
    const std::optional<BridgeAddress> target = TargetOf(state, v6);
    if (!target.has_value()) continue;
    for (const store::PortMapping& port : state.ports()) {
      const auto protocol = network::ProtocolNumber(port.protocol());
      if (!protocol.ok() || port.pass_fd()) continue;
      network::Publication one;
      one.host_address = port.host_ip();
      one.protocol = *protocol;
      one.host_port = static_cast<uint16_t>(port.host_port());
      one.target = target->address;
      one.target_port = static_cast<uint16_t>(port.container_port());
      one.count = static_cast<uint16_t>(std::max<uint32_t>(port.count(), 1));
      // An address that means all of its family.
      const auto host = IpAddress::Parse(port.host_ip());
      if (host.ok() && host->value() == 0) {
        if (host->is_v6() != v6) continue;
        one.host_address.clear();
      }
      result.push_back(std::move(one));
    }
  }
  return result;
}

std::optional<network::PortForwarder::Target> ForwardTargetOf(const ContainerState& state,
                                                              const network::PortForwarder::Socket& socket) {
  std::optional<BridgeAddress> target = TargetOf(state, socket.address.is_v6());
  if (!target.has_value()) target = TargetOf(state, !socket.address.is_v6());
  if (!target.has_value()) return std::nullopt;
  for (const store::PortMapping& port : state.ports()) {
    const bool is_udp = port.protocol() == "udp";
    if (is_udp != socket.is_udp || port.protocol() == "sctp") continue;
    const uint32_t offset = socket.port - port.host_port();
    if (socket.port < port.host_port() || offset >= std::max<uint32_t>(port.count(), 1)) continue;
    const auto host = IpAddress::Parse(port.host_ip());
    if (host.ok() && *host != socket.address) continue;
    // Without a gateway no answer would come back to an address that is not ours.
    return network::PortForwarder::Target{
        target->address, static_cast<uint16_t>(port.container_port() + offset), target->has_gateway};
  }
  return std::nullopt;
}

absl::StatusOr<network::HeldPorts> HoldPortsOf(const store::Store& store,
                                               const store::ContainerRecord& record) {
  std::vector<store::PortMapping> wanted(record.config().ports().begin(), record.config().ports().end());
  const std::string binding = DefaultHostAddress(store, record);
  for (store::PortMapping& port : wanted) {
    if (port.host_ip().empty()) port.set_host_ip(binding);
  }
  std::optional<network::TakenPort> taken;
  absl::StatusOr<network::HeldPorts> held = network::HoldPorts(wanted, &taken);
  if (held.ok() || !taken.has_value()) return held;
  const std::optional<network::PortHolder> holder = network::FindPortHolder(*taken);
  if (!holder.has_value()) return held.status();
  return WithExitCode(
      absl::AlreadyExistsError(absl::StrCat(held.status().message(), " by ", HolderName(store, *holder))),
      125);
}

absl::Status PublishPorts(const store::Store& store, const std::string& container_id,
                          const ContainerState& state) {
  const ContainerState ruled = OnOurBridges(store, state);
  const std::vector<network::Publication> publications = PublicationsOf(ruled);
  // In a namespace of the user's own nobody comes by those ports: the host's are there for the forwarder.
  if (publications.empty() || UsesSharedNetwork()) return absl::OkStatus();
  ContainerState note;
  *note.mutable_networks() = ruled.networks();
  *note.mutable_ports() = state.ports();
  RETURN_IF_ERROR(store::WriteRecord(NotePath(store, container_id), note, os::Durability::kVolatile));
  FaultPoint("engine.ports.noted");
  ASSIGN_OR_RETURN(network::Firewall firewall, network::Firewall::Open());
  RETURN_IF_ERROR(firewall.Publish(publications));
  FaultPoint("engine.ports.published");
  return absl::OkStatus();
}

absl::Status UnpublishPorts(const store::Store& store, const std::string& container_id) {
  const std::string path = NotePath(store, container_id);
  if (!os::ExistsAt(AT_FDCWD, path)) return absl::OkStatus();
  const auto note = store::ReadRecord<ContainerState>(path);
  if (note.ok()) {  // a damaged one says nothing
    ASSIGN_OR_RETURN(network::Firewall* const firewall, LastingFirewall());
    RETURN_IF_ERROR(firewall->Unpublish(PublicationsOf(*note)));
  }
  FaultPoint("engine.ports.unpublished");
  (void)unlink(path.c_str());  // best effort: unpublishing again does nothing
  return absl::OkStatus();
}

absl::Status RepairRulesOf(const store::Store& store, const std::string& container_id) {
  ASSIGN_OR_RETURN(const ContainerState state, store::ReadState(store, container_id));
  for (const store::NetworkStatus& status : state.networks()) {
    if (status.host_interface_name().empty()) continue;
    ASSIGN_OR_RETURN(const store::NetworkRecord record, store::ReadNetwork(store, status.network_name()));
    // The monitors of all its containers were told of the same change.
    ASSIGN_OR_RETURN(const store::NetworkLock lock, store::NetworkLock::Acquire(store, record.name()));
    RETURN_IF_ERROR(network::RepairRules(record));
  }
  if (state.ports_size() == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(network::Firewall firewall, network::Firewall::Open());
  ASSIGN_OR_RETURN(const bool there, firewall.HasPublished(PublicationsOf(OnOurBridges(store, state))));
  return there ? absl::OkStatus() : PublishPorts(store, container_id, state);
}

absl::Status RestoreRules(const store::Store& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, store::ListContainers(store));
  absl::Status first;
  std::set<std::string> done;
  for (const std::string& id : ids) {
    const auto state = store::ReadState(store, id);
    if (!state.ok() || state->networks_size() == 0 || !store::MonitorAlive(store, id)) continue;
    for (const store::NetworkStatus& status : state->networks()) {
      if (status.host_interface_name().empty() || !done.insert(status.network_name()).second) continue;
      const auto record = store::ReadNetwork(store, status.network_name());
      first.Update(record.ok() ? network::ReloadRules(*record) : record.status());
    }
    first.Update(PublishPorts(store, id, *state));
  }
  return first;
}

}  // namespace coracle::engine
