#include "network/published_names.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/status.h"
#include "os/file.h"

namespace coracle::network {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

// A line each: a word and its value. Values are names and addresses, which were checked where they came in.
void AddLine(absl::string_view word, absl::string_view value, std::string* text) {
  if (value.empty() || absl::StrContains(value, '\n')) return;
  absl::StrAppend(text, word, " ", value, "\n");
}

absl::Status Replace(const std::string& directory, absl::string_view name, absl::string_view text) {
  RETURN_IF_ERROR(os::MakeDirectories(directory, 0700));
  return os::ReplaceFileAt(AT_FDCWD, absl::StrCat(directory, "/", name), text, os::Durability::kVolatile);
}

std::string NamesText(const PublishedNames& names) {
  std::string text;
  AddLine("name", names.container_name, &text);
  for (const std::string& alias : names.aliases) AddLine("alias", alias, &text);
  for (const std::string& address : names.addresses) {
    AddLine("address", absl::string_view(address).substr(0, address.find('/')), &text);
  }
  return text;
}

// Ids are hex: whatever else lies there is a temporary file, or nothing of ours.
bool IsId(absl::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

}  // namespace

std::string NamesDir(const store::Store& store, absl::string_view network_id) {
  return absl::StrCat(store.runroot(), "/networks/", network_id, "/names");
}
std::string SeenNetworksDir(const store::Store& store, absl::string_view container_id) {
  return absl::StrCat(store.ContainerRunDir(container_id), "/dns");
}

absl::Status PublishNames(const store::Store& store, const std::string& network_id,
                          const PublishedNames& names, const NetworkDns& dns) {
  std::string text;
  AddLine("network", dns.network_name, &text);
  if (dns.internal) AddLine("internal", "true", &text);
  for (const std::string& server : dns.servers) AddLine("server", server, &text);
  // First what WithdrawAllNames goes by: of one who is killed in between, nothing stays.
  RETURN_IF_ERROR(Replace(SeenNetworksDir(store, names.container_id), network_id, text), "publish names");
  FaultPoint("network.names");
  return Annotate(Replace(NamesDir(store, network_id), names.container_id, NamesText(names)),
                  "publish names");
}

void WithdrawNames(const store::Store& store, const std::string& network_id,
                   const std::string& container_id) {
  // What is missing needs no withdrawing.
  (void)unlink(absl::StrCat(NamesDir(store, network_id), "/", container_id).c_str());
  (void)unlink(absl::StrCat(SeenNetworksDir(store, container_id), "/", network_id).c_str());
}

void WithdrawAllNames(const store::Store& store, const std::string& container_id) {
  const std::string directory = SeenNetworksDir(store, container_id);
  const auto networks = os::ListDirectoryAt(AT_FDCWD, directory);
  if (networks.ok()) {
    for (const std::string& network : *networks) WithdrawNames(store, network, container_id);
  }
  (void)os::RemoveTreeAt(AT_FDCWD, directory);  // best effort: the run directory goes as a whole later
}

void SweepNames(const store::Store& store) {
  const std::string base = absl::StrCat(store.runroot(), "/networks");
  const auto networks = os::ListDirectoryAt(AT_FDCWD, base);
  if (!networks.ok()) return;
  for (const std::string& network : *networks) {
    if (!IsId(network)) continue;
    const auto containers = os::ListDirectoryAt(AT_FDCWD, NamesDir(store, network));
    if (!containers.ok()) continue;
    for (const std::string& container : *containers) {
      if (IsId(container) && !store::MonitorAlive(store, container)) WithdrawNames(store, network, container);
    }
  }
}

absl::StatusOr<PublishedNames> ReadPublishedNames(const store::Store& store, absl::string_view network_id,
                                                  absl::string_view container_id) {
  if (!IsId(container_id)) return absl::NotFoundError(absl::StrCat("no container's id: ", container_id));
  ASSIGN_OR_RETURN(
      const std::string text,
      os::ReadFileAt(AT_FDCWD, absl::StrCat(NamesDir(store, network_id), "/", container_id), kMaxFileBytes));
  PublishedNames names;
  names.container_id = std::string(container_id);
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&line, "name ")) names.container_name = std::string(line);
    if (absl::ConsumePrefix(&line, "alias ")) names.aliases.emplace_back(line);
    if (absl::ConsumePrefix(&line, "address ")) names.addresses.emplace_back(line);
  }
  return names;
}

absl::StatusOr<NetworkDns> ReadNetworkDns(const store::Store& store, absl::string_view container_id,
                                          absl::string_view network_id) {
  if (!IsId(network_id)) return absl::NotFoundError(absl::StrCat("no network's id: ", network_id));
  ASSIGN_OR_RETURN(
      const std::string text,
      os::ReadFileAt(AT_FDCWD, absl::StrCat(SeenNetworksDir(store, container_id), "/", network_id),
                     kMaxFileBytes));
  NetworkDns dns;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::ConsumePrefix(&line, "network ")) dns.network_name = std::string(line);
    if (absl::ConsumePrefix(&line, "internal ")) dns.internal = line == "true";
    if (absl::ConsumePrefix(&line, "server ")) dns.servers.emplace_back(line);
  }
  return dns;
}

}  // namespace coracle::network
