#include "engine/networks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/shared_network.h"
#include "network/address.h"
#include "network/bridge.h"
#include "network/lease.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

using store::NetworkRecord;

absl::Status Refuse(absl::StatusCode code, absl::string_view message) {
  return WithExitCode(absl::Status(code, message), 125);
}

std::string NamesOf(const std::vector<store::ContainerRecord>& users) {
  return absl::StrJoin(users, ", ", [](std::string* out, const store::ContainerRecord& user) {
    absl::StrAppend(out, user.name());
  });
}

absl::Status RemoveUsers(Engine& engine, const std::string& name, std::optional<uint32_t> timeout_seconds) {
  ASSIGN_OR_RETURN(const std::vector<store::ContainerRecord> users,
                   store::UsersOfNetwork(engine.store, name));
  for (const store::ContainerRecord& user : users) {
    const auto view = Look(engine, user.id());
    if (absl::IsNotFound(view.status())) continue;
    RETURN_IF_ERROR(view.status());
    const absl::Status removed =
        RemoveContainer(engine, *view, {.force = true, .timeout_seconds = timeout_seconds});
    if (!absl::IsNotFound(removed)) RETURN_IF_ERROR(removed);
  }
  return absl::OkStatus();
}

}  // namespace

bool IsBridgeMode(absl::string_view network_mode) { return network_mode == "bridge"; }

std::string DefaultNetworkMode() { return UsesSharedNetwork() ? "pasta" : "bridge"; }

absl::StatusOr<std::string> MakeNetwork(Engine& engine, const network::NetworkRequest& request, bool ignore) {
  RETURN_IF_ERROR(engine.store.EnsureExists());
  ASSIGN_OR_RETURN(const store::NetworkLock lock, store::LockNetworkSet(engine.store));
  if (ignore && !request.name.empty()) {
    const auto existing = store::ReadNetwork(engine.store, request.name);
    if (existing.ok()) return existing->name();
  }
  ASSIGN_OR_RETURN(const std::vector<NetworkRecord> others, store::ReadAllNetworks(engine.store));
  ASSIGN_OR_RETURN(const NetworkRecord record,
                   network::PlanNetwork(request, others, network::ProbeHostNetworks()));
  RETURN_IF_ERROR(store::CreateNetwork(engine.store, record, os::Durability::kDurable));
  store::AppendEvent(engine.store, store::ObjectEvent("network", "create", record.id(), record.name()));
  return record.name();
}

absl::Status DeleteNetwork(Engine& engine, const std::string& name, bool force,
                           std::optional<uint32_t> timeout_seconds) {
  if (name == store::kDefaultNetwork) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  absl::StrCat("the default network ", name, " cannot be removed"));
  }
  RETURN_IF_ERROR(store::ReadNetwork(engine.store, name).status());
  // Without the network's lock: who starts one of these containers may be waiting for it.
  if (force) RETURN_IF_ERROR(RemoveUsers(engine, name, timeout_seconds));
  ASSIGN_OR_RETURN(const store::NetworkLock lock, store::NetworkLock::Acquire(engine.store, name));
  ASSIGN_OR_RETURN(const NetworkRecord record, store::ReadNetwork(engine.store, name));
  ASSIGN_OR_RETURN(std::vector<store::ContainerRecord> users, store::UsersOfNetwork(engine.store, name));
  // A killed `run --rm` uses nothing any more.
  users.erase(std::remove_if(users.begin(), users.end(),
                             [&](const store::ContainerRecord& user) {
                               return absl::IsNotFound(Look(engine, user.id()).status());
                             }),
              users.end());
  if (!users.empty()) {
    return WithExitCode(
        absl::FailedPreconditionError(
            absl::StrCat("network ", name, " is being used by the following container(s): ", NamesOf(users))),
        2);
  }
  // A step of a build has addresses and no record.
  for (const auto& [address, id] : network::ListLeases(engine.store, record.id())) {
    if (!absl::IsNotFound(store::ReadContainer(engine.store, id).status())) continue;
    return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                            "network ", name, " is being used by a step of a running build, at ", address)),
                        2);
  }
  if (record.driver() == store::kBridgeDriver) {
    ASSIGN_OR_RETURN(const bool is_there, EnterSharedNetwork(engine.store));
    if (is_there) RETURN_IF_ERROR(network::RemoveBridge(record), "remove network ", name);
  }
  RETURN_IF_ERROR(store::RemoveNetwork(engine.store, record));
  store::AppendEvent(engine.store, store::ObjectEvent("network", "remove", record.id(), name));
  return absl::OkStatus();
}

absl::Status UpdateNetworkServers(Engine& engine, const std::string& name,
                                  const std::vector<std::string>& add, const std::vector<std::string>& drop) {
  if (name == store::kDefaultNetwork) RETURN_IF_ERROR(network::EnsureDefaultNetwork(engine.store).status());
  ASSIGN_OR_RETURN(const store::NetworkLock lock, store::NetworkLock::Acquire(engine.store, name));
  ASSIGN_OR_RETURN(NetworkRecord record, store::ReadNetwork(engine.store, name));
  if (!record.dns_enabled()) {
    return Refuse(absl::StatusCode::kFailedPrecondition,
                  absl::StrCat("network ", name, " was made with --disable-dns"));
  }
  std::vector<std::string> servers(record.dns_servers().begin(), record.dns_servers().end());
  for (const std::string& text : drop) {
    ASSIGN_OR_RETURN(const network::IpAddress address, network::IpAddress::Parse(text), "--dns-drop");
    const auto found = std::find(servers.begin(), servers.end(), address.ToString());
    if (found == servers.end()) {
      return Refuse(absl::StatusCode::kNotFound,
                    absl::StrCat("network ", name, " has no DNS server ", address.ToString()));
    }
    servers.erase(found);
  }
  for (const std::string& text : add) {
    ASSIGN_OR_RETURN(const network::IpAddress address, network::IpAddress::Parse(text), "--dns-add");
    const std::string server = address.ToString();
    if (std::find(servers.begin(), servers.end(), server) == servers.end()) servers.push_back(server);
  }
  record.clear_dns_servers();
  for (const std::string& server : servers) record.add_dns_servers(server);
  return store::UpdateNetwork(engine.store, record, os::Durability::kDurable);
}

}  // namespace coracle::engine
