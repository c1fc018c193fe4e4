// Putting containers on networks: at their creation, and later.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/locked_record.h"
#include "engine/networks.h"
#include "engine/running_network.h"
#include "network/address.h"
#include "network/network_options.h"
#include "os/file.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using network::Cidr;
using network::IpAddress;
using store::ContainerConfig;
using store::NetworkAttachment;
using store::NetworkRecord;

absl::Status Refuse(absl::string_view message) {
  return WithExitCode(absl::InvalidArgumentError(message), 125);
}

// `text`: an address that the user wants on `network`; becomes its canonical form.
absl::Status CheckAddress(const NetworkRecord& network, bool is_v6, std::string& text) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(text));
  text = address.ToString();
  if (address.is_v6() != is_v6)
    return Refuse(absl::StrCat(text, " is not an IPv", is_v6 ? 6 : 4, " address"));
  if (network.ipam_driver() == "none") {
    return Refuse(absl::StrCat("network ", network.name(), " has no addresses to hand out"));
  }
  for (const store::Subnet& subnet : network.subnets()) {
    ASSIGN_OR_RETURN(const Cidr cidr, Cidr::Parse(subnet.subnet()));
    if (!cidr.Contains(address)) continue;
    if (text == subnet.gateway()) {
      return Refuse(absl::StrCat("IP address ", text, " is the gateway of network ", network.name()));
    }
    if (address < cidr.first_host() || cidr.last_host() < address) {
      return Refuse(
          absl::StrCat("IP address ", text, " is not one that a host of ", subnet.subnet(), " can have"));
    }
    return absl::OkStatus();
  }
  return Refuse(absl::StrCat("IP address ", text, " is in no subnet of network ", network.name()));
}

absl::Status CheckAlias(const std::string& alias) {
  const bool valid =
      !alias.empty() && alias.size() <= 253 && alias.find_first_of(" \t\n/:,") == std::string::npos;
  return valid ? absl::OkStatus()
               : Refuse(absl::StrCat("network alias \"", Printable(alias), "\" is not valid"));
}

// An exposed port: 80, 80/udp, 80-90/tcp.
struct Exposed {
  uint32_t first = 0, last = 0;
  std::string protocol;
};
std::optional<Exposed> ParseExposed(absl::string_view text) {
  Exposed port;
  const size_t slash = text.find('/');
  port.protocol = slash == absl::string_view::npos ? "tcp" : std::string(text.substr(slash + 1));
  const std::vector<absl::string_view> ends = absl::StrSplit(text.substr(0, slash), '-');
  if (!absl::SimpleAtoi(ends.front(), &port.first) || !absl::SimpleAtoi(ends.back(), &port.last) ||
      port.first == 0 || port.last > 65535 || port.last < port.first || ends.size() > 2) {
    return std::nullopt;
  }
  return port;
}

bool IsPublished(const ContainerConfig& config, uint32_t port, absl::string_view protocol) {
  return std::any_of(config.ports().begin(), config.ports().end(), [&](const store::PortMapping& mapping) {
    return mapping.protocol() == protocol && port >= mapping.container_port() &&
           port - mapping.container_port() < mapping.count();
  });
}

void PublishExposed(ContainerConfig& config) {
  for (const std::string& text : config.exposed_ports()) {
    const std::optional<Exposed> exposed = ParseExposed(text);
    if (!exposed.has_value()) continue;
    for (uint32_t port = exposed->first; port <= exposed->last; ++port) {
      if (IsPublished(config, port, exposed->protocol)) continue;
      store::PortMapping* mapping = config.add_ports();
      mapping->set_container_port(port);
      mapping->set_count(1);
      mapping->set_protocol(exposed->protocol);
    }
  }
}

// CONTAINER[:ALIAS] becomes ID:ALIAS.
absl::Status ResolveLinks(Engine& engine, ContainerConfig& config) {
  for (std::string& link : *config.mutable_links()) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(link, absl::MaxSplits(':', 1));
    ASSIGN_OR_RETURN(const ContainerView other, Look(engine, parts.first), "--link");
    const std::string alias = parts.second.empty() ? other.record.name() : parts.second;
    RETURN_IF_ERROR(CheckAlias(alias));
    if (!IsBridgeMode(other.record.config().network_mode())) {
      return Refuse(absl::StrCat("--link ", parts.first, ": it is on no network, its network mode is ",
                                 other.record.config().network_mode()));
    }
    link = absl::StrCat(other.record.id(), ":", alias);
  }
  return absl::OkStatus();
}

absl::Status CheckMode(const ContainerConfig& config) {
  const std::string& mode = config.network_mode();
  if (IsBridgeMode(mode)) return absl::OkStatus();
  if (!config.links().empty()) return Refuse(absl::StrCat("--link conflicts with --network ", mode));
  if (absl::StartsWith(mode, "container:") && (!config.ports().empty() || config.publish_all())) {
    return Refuse(absl::StrCat("--publish conflicts with --network ", mode,
                               ": the ports are those of the other container"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAttachment(const NetworkRecord& network, NetworkAttachment& attachment) {
  attachment.set_network_id(network.id());
  attachment.set_network_name(network.name());
  RETURN_IF_ERROR(CheckAddress(network, /*is_v6=*/false, *attachment.mutable_ip()));
  RETURN_IF_ERROR(CheckAddress(network, /*is_v6=*/true, *attachment.mutable_ip6()));
  if (!attachment.mac().empty()) {
    if (network.driver() == store::kIpvlanDriver) {
      return Refuse(absl::StrCat("a MAC address can't be chosen on network ", network.name(),
                                 ": ipvlan has that of its parent"));
    }
    ASSIGN_OR_RETURN(*attachment.mutable_mac(), network::ParseMac(attachment.mac()));
  }
  if (!attachment.interface_name().empty())
    RETURN_IF_ERROR(network::CheckInterfaceName(attachment.interface_name()));
  for (const std::string& alias : attachment.aliases()) RETURN_IF_ERROR(CheckAlias(alias));
  return absl::OkStatus();
}

absl::Status HeldNetworks::Take(Engine& engine, ContainerConfig& config) {
  if (config.network_mode().empty()) config.set_network_mode(DefaultNetworkMode());
  RETURN_IF_ERROR(CheckMode(config));
  if (config.publish_all()) PublishExposed(config);
  if (!IsBridgeMode(config.network_mode())) return absl::OkStatus();
  if (config.networks().empty()) config.add_networks()->set_network_name(store::kDefaultNetwork);
  RETURN_IF_ERROR(ResolveLinks(engine, config));
  std::set<std::string> names, interfaces;
  for (NetworkAttachment& attachment : *config.mutable_networks()) {
    ASSIGN_OR_RETURN(NetworkRecord network, store::ResolveNetwork(engine.store, attachment.network_name()));
    if (network.name() == store::kDefaultNetwork) {
      ASSIGN_OR_RETURN(network, network::EnsureDefaultNetwork(engine.store));
    }
    RETURN_IF_ERROR(CheckAttachment(network, attachment));
    if (!names.insert(network.name()).second) {
      return Refuse(absl::StrCat("network ", network.name(), " is given twice"));
    }
    if (!attachment.interface_name().empty() && !interfaces.insert(attachment.interface_name()).second) {
      return Refuse(absl::StrCat("interface name ", attachment.interface_name(), " is given twice"));
    }
  }
  names.erase(store::kDefaultNetwork);  // can't be removed
  for (const std::string& name : names) {
    auto lock = store::NetworkLock::Acquire(engine.store, name);
    if (!lock.ok()) return lock.status();
    locks_.push_back(*std::move(lock));
    RETURN_IF_ERROR(store::ReadNetwork(engine.store, name).status());  // removed just now?
  }
  return absl::OkStatus();
}

namespace {

void Tell(const Engine& engine, absl::string_view status, const store::ContainerRecord& record,
          const NetworkRecord& network) {
  store::EventRecord event = store::ObjectEvent("network", status, record.id(), network.name());
  store::AddAttribute(event, "container", record.id());
  store::AppendEvent(engine.store, event);
}

absl::Status CheckConnectable(const store::ContainerRecord& record, const NetworkRecord& network) {
  const std::string& mode = record.config().network_mode();
  if (!IsBridgeMode(mode)) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("container ", record.name(), " has --network ", mode,
                                                   " and can't be connected to network ", network.name())),
        125);
  }
  if (!store::UsesNetwork(record, network.name())) return absl::OkStatus();
  return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                          "container ", record.name(), " is already connected to network ", network.name())),
                      125);
}

}  // namespace

absl::Status ConnectContainer(Engine& engine, const std::string& network_name, const std::string& container,
                              NetworkAttachment attachment) {
  ASSIGN_OR_RETURN(NetworkRecord network, store::ResolveNetwork(engine.store, network_name));
  if (network.name() == store::kDefaultNetwork) {
    ASSIGN_OR_RETURN(network, network::EnsureDefaultNetwork(engine.store));
  }
  RETURN_IF_ERROR(CheckAttachment(network, attachment));
  ASSIGN_OR_RETURN(LockedRecord locked, LockRecord(engine, container));
  store::ContainerRecord& record = locked.view.record;
  RETURN_IF_ERROR(CheckConnectable(record, network));
  ASSIGN_OR_RETURN(const store::NetworkLock lock, store::NetworkLock::Acquire(engine.store, network.name()));
  RETURN_IF_ERROR(store::ReadNetwork(engine.store, network.name()).status());  // removed just now?
  const store::ContainerRecord before = record;
  *record.mutable_config()->add_networks() = attachment;
  RETURN_IF_ERROR(store::UpdateContainer(engine.store, record, os::Durability::kDurable));
  if (IsRunning(locked.view)) {
    const absl::Status connected = ConnectRunning(engine, locked.view, network, attachment);
    if (!connected.ok()) {
      (void)store::UpdateContainer(engine.store, before,
                                   os::Durability::kDurable);  // the error below is the one to tell
      return connected;
    }
  }
  Tell(engine, "connect", record, network);
  return absl::OkStatus();
}

absl::Status DisconnectContainer(Engine& engine, const std::string& network_name,
                                 const std::string& container, bool force) {
  ASSIGN_OR_RETURN(const NetworkRecord network, store::ResolveNetwork(engine.store, network_name));
  ASSIGN_OR_RETURN(LockedRecord locked, LockRecord(engine, container));
  store::ContainerRecord& record = locked.view.record;
  auto* networks = record.mutable_config()->mutable_networks();
  const auto found = std::find_if(
      networks->begin(), networks->end(),
      [&](const NetworkAttachment& attachment) { return attachment.network_name() == network.name(); });
  if (found == networks->end()) {
    if (force) return absl::OkStatus();
    return WithExitCode(absl::NotFoundError(absl::StrCat("container ", record.name(),
                                                         " is not connected to network ", network.name())),
                        125);
  }
  if (IsRunning(locked.view)) RETURN_IF_ERROR(DisconnectRunning(engine, locked.view, network));
  networks->erase(found);
  RETURN_IF_ERROR(store::UpdateContainer(engine.store, record, os::Durability::kDurable));
  Tell(engine, "disconnect", record, network);
  return absl::OkStatus();
}

}  // namespace coracle::engine
