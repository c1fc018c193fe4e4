#include "engine/bridge_network.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/fault.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/name_files.h"
#include "engine/published_ports.h"
#include "engine/shared_network.h"
#include "network/bridge.h"
#include "network/client_address.h"
#include "network/dns_server.h"
#include "network/lease.h"
#include "network/published_names.h"
#include "network/rules_watch.h"
#include "network/sysctl.h"
#include "os/network_namespace.h"
#include "store/network.h"

namespace coracle::engine {
namespace {

using network::Endpoint;

// What lives as long as the container: in the monitor, from the plan on, over all restarts.
struct Run {
  explicit Run(const store::Store& the_store) : store(the_store) {}
  store::Store store;
  std::string id, name;
  std::vector<store::NetworkAttachment> attachments;
  std::vector<Endpoint> endpoints;
  network::HeldPorts held;
  std::vector<std::string> dns_servers;
  std::vector<std::pair<std::string, std::string>> links;
  NameFiles files;
  bool started = false;  // once: a restart looks at the record again
};

absl::Status PlanEndpoints(Run& run, const std::vector<Endpoint>& before) {
  run.endpoints.clear();
  for (const store::NetworkAttachment& attachment : run.attachments) {
    ASSIGN_OR_RETURN(const store::NetworkRecord network,
                     store::ReadNetwork(run.store, attachment.network_name()));
    const store::NetworkStatus* earlier = nullptr;
    for (const Endpoint& endpoint : before) {
      if (endpoint.network.id() == network.id()) earlier = &endpoint.status;
    }
    ASSIGN_OR_RETURN(Endpoint endpoint, PlanEndpoint(run.store, run.id, network, attachment,
                                                     static_cast<uint32_t>(run.endpoints.size()), earlier));
    run.endpoints.push_back(std::move(endpoint));
  }
  return absl::OkStatus();
}

void Release(Run& run) {
  // Best effort, all of it: what stays is of a container that is dead, and counts for nothing.
  (void)UnpublishPorts(run.store, run.id);
  network::WithdrawAllNames(run.store, run.id);
  for (const Endpoint& endpoint : run.endpoints) {
    const std::vector<std::string> addresses(endpoint.status.addresses().begin(),
                                             endpoint.status.addresses().end());
    (void)network::ReleaseAddresses(run.store, endpoint.network.id(), run.id, addresses);
  }
  // Free for the next before the end is told; the monitor may still be busy for a while.
  run.held.sockets.clear();
  run.held.passed.clear();
}

class BridgeSession : public monitor::NetworkSession {
 public:
  BridgeSession(std::shared_ptr<Run> run, std::optional<network::DnsSockets> sockets,
                std::optional<network::PortForwarder> forwarder, std::optional<network::RulesWatch> watch)
      : run_(std::move(run)), forwarder_(std::move(forwarder)), watch_(std::move(watch)) {
    if (!sockets.has_value()) return;
    dns_.emplace(
        run_->store, *std::move(sockets),
        network::DnsConfig{.container_id = run_->id, .links = run_->links, .servers = run_->dns_servers});
  }
  ~BridgeSession() override {
    // The close of an nftables socket waits until what was deleted is (nft_rcv_nl_event in the kernel: a
    // grace period of RCU, 5 ms and more), so that this one goes before there is anything.
    watch_.reset();
    // Best effort: who looks next at the container does it again.
    (void)UnpublishPorts(run_->store, run_->id);
    network::WithdrawAllNames(run_->store, run_->id);
  }
  void Describe(store::ContainerState* state) const override {
    state->clear_networks();
    state->clear_ports();
    for (const Endpoint& endpoint : run_->endpoints) *state->add_networks() = endpoint.status;
    for (const store::PortMapping& port : run_->held.ports) *state->add_ports() = port;
  }
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis) override {
    if (forwarder_.has_value()) forwarder_->Prepare(polls, timeout_millis);
    if (watch_.has_value()) watch_->Prepare(polls, timeout_millis);
    if (dns_.has_value()) dns_->Prepare(polls, timeout_millis);
  }
  void Dispatch(const pollfd* polls, size_t count) override {
    size_t own = 0;
    if (forwarder_.has_value()) {
      forwarder_->Dispatch();
      ++own;
    }
    // Best effort: who can't mend them now serves by the forwarder, and hears of the next change.
    if (watch_.has_value() && watch_->Dispatch(polls[own++])) (void)RepairRulesOf(run_->store, run_->id);
    if (dns_.has_value()) dns_->Dispatch(polls + own, count - own);
  }

 private:
  std::shared_ptr<Run> run_;
  std::optional<network::PortForwarder> forwarder_;
  std::optional<network::RulesWatch> watch_;
  std::optional<network::DnsServer> dns_;
};

// For the clients whom the firewall's rules don't lead to the container.
absl::StatusOr<std::optional<network::PortForwarder>> OpenForwarder(const Run& run) {
  std::optional<network::PortForwarder> result;
  if (run.held.sockets.empty()) return result;
  std::vector<int> fds;
  for (const os::UniqueFd& fd : run.held.sockets) fds.push_back(fd.get());
  // Where it is for everybody, and not for those alone whom the rules don't lead. Without it they have our
  // address.
  const bool as_client = UsesSharedNetwork() && network::KeepClientAddresses().ok();
  ASSIGN_OR_RETURN(
      result,
      network::PortForwarder::Open(
          fds,
          [store = &run.store, id = run.id, as_client](
              const network::PortForwarder::Socket& socket) -> std::optional<network::PortForwarder::Target> {
            const auto state = store::ReadState(*store, id);  // `network connect` may have changed it
            if (!state.ok()) return std::nullopt;
            auto target = ForwardTargetOf(*state, socket);
            if (target.has_value()) target->as_client &= as_client;
            return target;
          }),
      "publish ports");
  return result;
}

// Of the host, whose rules others change too. Without it `network reload` and the next start mend them.
std::optional<network::RulesWatch> WatchRules(const Run& run) {
  if (UsesSharedNetwork()) return std::nullopt;
  for (const Endpoint& endpoint : run.endpoints) {
    if (endpoint.network.driver() != store::kBridgeDriver) continue;
    auto watch = network::RulesWatch::Open();
    if (watch.ok()) return *std::move(watch);
  }
  return std::nullopt;
}

// A restart: `network connect` and `disconnect` may have changed the record since.
absl::Status PlanAgain(Run& run) {
  ASSIGN_OR_RETURN(const store::ContainerRecord record, store::ReadContainer(run.store, run.id));
  run.name = record.name();
  run.attachments.assign(record.config().networks().begin(), record.config().networks().end());
  const std::vector<Endpoint> before = std::move(run.endpoints);
  return PlanEndpoints(run, before);
}

absl::StatusOr<std::unique_ptr<monitor::NetworkSession>> Connect(const std::shared_ptr<Run>& run, pid_t pid) {
  if (run->started) RETURN_IF_ERROR(PlanAgain(*run));
  run->started = true;
  ASSIGN_OR_RETURN(const os::UniqueFd netns, os::OpenNetworkNamespace(pid));
  absl::Cleanup undo = [&] {
    (void)UnpublishPorts(run->store, run->id);
    network::WithdrawAllNames(run->store, run->id);
  };
  bool rules_were_lost = false, dns = false;
  for (Endpoint& endpoint : run->endpoints) {
    endpoint.publishes = !run->held.ports.empty();
    RETURN_IF_ERROR(network::ConnectEndpoint(netns.get(), endpoint, &rules_were_lost));
    RETURN_IF_ERROR(PublishEndpoint(run->store, run->id, run->name, endpoint));
    dns |= endpoint.network.dns_enabled();
  }
  FaultPoint("engine.network.connected");
  if (rules_were_lost) RETURN_IF_ERROR(RestoreRules(run->store));
  std::optional<network::DnsSockets> sockets;
  {
    ASSIGN_OR_RETURN(const auto inside, os::ScopedNetworkNamespace::Enter(netns.get()));
    network::AllowPingAndPorts();
    if (dns) {
      ASSIGN_OR_RETURN(sockets, network::BindDnsSockets(/*redirected=*/true), "resolver");
    }
  }
  ASSIGN_OR_RETURN(std::optional<network::PortForwarder> forwarder, OpenForwarder(*run));
  auto session =
      std::make_unique<BridgeSession>(run, std::move(sockets), std::move(forwarder), WatchRules(*run));
  store::ContainerState state;
  session->Describe(&state);
  const std::vector<store::NetworkStatus> networks(state.networks().begin(), state.networks().end());
  RETURN_IF_ERROR(WriteNameFiles(run->store, run->files, networks, GatewayOf(networks)));
  if (!run->held.ports.empty()) RETURN_IF_ERROR(PublishPorts(run->store, run->id, state));
  std::move(undo).Cancel();
  return session;
}

}  // namespace

absl::StatusOr<Endpoint> PlanEndpoint(const store::Store& store, const std::string& container_id,
                                      const store::NetworkRecord& network,
                                      const store::NetworkAttachment& attachment, uint32_t position,
                                      const store::NetworkStatus* before) {
  std::string ip = attachment.ip(), ip6 = attachment.ip6();
  if (before != nullptr) {
    for (const std::string& text : before->addresses()) {
      std::string& wanted = text.find(':') == std::string::npos ? ip : ip6;
      if (wanted.empty()) wanted = text.substr(0, text.find('/'));
    }
  }
  ASSIGN_OR_RETURN(const std::vector<network::LeasedAddress> leased,
                   network::LeaseAddresses(store, network, container_id, ip, ip6));
  Endpoint endpoint;
  endpoint.network = network;
  endpoint.position = position;
  store::NetworkStatus& status = endpoint.status;
  status.set_network_id(network.id());
  status.set_network_name(network.name());
  status.set_interface_name(attachment.interface_name().empty() ? absl::StrCat("eth", position)
                                                                : attachment.interface_name());
  if (network.driver() == store::kBridgeDriver)
    status.set_host_interface_name(network::NewHostInterfaceName());
  status.set_mac(attachment.mac());
  for (const network::LeasedAddress& address : leased) {
    status.add_addresses(address.WithPrefix());
    if (!network.internal() && !address.gateway.empty()) status.add_gateways(address.gateway);
    if (!status.mac().empty()) continue;
    const auto parsed = network::IpAddress::Parse(address.address);
    if (parsed.ok()) status.set_mac(network::MacText(network::MacFor(*parsed)));
  }
  for (const std::string& alias : attachment.aliases()) status.add_aliases(alias);
  return endpoint;
}

absl::Status PublishEndpoint(const store::Store& store, const std::string& container_id,
                             const std::string& container_name, const Endpoint& endpoint) {
  if (!endpoint.network.dns_enabled()) return absl::OkStatus();
  network::PublishedNames names;
  names.container_id = container_id;
  names.container_name = container_name;
  names.aliases.assign(endpoint.status.aliases().begin(), endpoint.status.aliases().end());
  names.addresses.assign(endpoint.status.addresses().begin(), endpoint.status.addresses().end());
  network::NetworkDns dns;
  dns.network_name = endpoint.network.name();
  dns.internal = endpoint.network.internal();
  dns.servers.assign(endpoint.network.dns_servers().begin(), endpoint.network.dns_servers().end());
  return network::PublishNames(store, endpoint.network.id(), names, dns);
}

absl::StatusOr<BridgeNetwork> PlanBridgeNetwork(const store::Store& store,
                                                const store::ContainerRecord& record) {
  const store::ContainerConfig& config = record.config();
  auto run = std::make_shared<Run>(store);
  run->id = record.id();
  run->name = record.name();
  run->files = NameFilesOf(store, record);
  run->attachments.assign(config.networks().begin(), config.networks().end());
  run->dns_servers.assign(config.dns_servers().begin(), config.dns_servers().end());
  for (const std::string& link : config.links()) {
    const size_t colon = link.find(':');
    if (colon != std::string::npos) run->links.emplace_back(link.substr(colon + 1), link.substr(0, colon));
  }
  absl::Cleanup undo = [&] { Release(*run); };
  RETURN_IF_ERROR(PlanEndpoints(*run, {}));
  FaultPoint("engine.network.leased");
  ASSIGN_OR_RETURN(run->held, HoldPortsOf(store, record));
  std::move(undo).Cancel();
  BridgeNetwork result;
  for (const os::UniqueFd& fd : run->held.sockets) result.kept_fds.push_back(fd.get());
  for (const os::UniqueFd& fd : run->held.passed) result.passed_fds.push_back(fd.get());
  for (const Endpoint& endpoint : run->endpoints) result.networks.push_back(endpoint.status);
  result.release = [run] { Release(*run); };
  result.connect = [run](pid_t pid) { return Connect(run, pid); };
  return result;
}

absl::Status CleanUpNetworks(const store::Store& store, const std::string& container_id) {
  const auto record = store::ReadContainer(store, container_id);
  if (record.ok()) {
    for (const store::NetworkAttachment& attachment : record->config().networks()) {
      network::ReleaseAllAddresses(store, attachment.network_id(), container_id);
    }
  }
  network::WithdrawAllNames(store, container_id);
  return UnpublishPorts(store, container_id);
}

}  // namespace coracle::engine
