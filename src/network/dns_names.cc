#include "network/dns_names.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <time.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "os/file.h"
#include "os/unique_fd.h"

namespace coracle::network {
namespace {

constexpr int64_t kRefreshMillis = 5;
constexpr int64_t kLifeMillis = 50;
constexpr size_t kShortId = 12;
// A directory's time of change is that of the last clock tick: what comes within the same tick is not told by
// it. Kernels tick 100 times a second at least.
constexpr int64_t kTickNanos = 20'000'000;

int64_t Nanos(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

std::string AddressBytes(const std::string& text) {
  char bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return std::string(bytes, 4);
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return std::string(bytes, 16);
  return "";
}

}  // namespace

bool DnsNames::Changed(const std::string& path, Directory* directory) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) info = {};
  const int64_t changed = Nanos(info.st_mtim);
  if (directory->settled && directory->changed_nanos == changed) return false;
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  directory->changed_nanos = changed;
  directory->settled = Nanos(now) - changed > kTickNanos;
  return true;
}

void DnsNames::Refresh(int64_t now_millis) {
  now_millis_ = now_millis;
  if (refreshed_millis_ >= 0 && now_millis - refreshed_millis_ < kRefreshMillis) return;
  refreshed_millis_ = now_millis;
  if (Changed(SeenNetworksDir(store_, container_id_), &seen_)) ReadSeen();
  for (auto& [id, network] : networks_) {
    if (Changed(NamesDir(store_, id), &network.directory)) ReadNetwork(id, &network);
  }
}

void DnsNames::ReadSeen() {
  const auto ids = os::ListDirectoryAt(AT_FDCWD, SeenNetworksDir(store_, container_id_));
  std::map<std::string, Network> networks;
  may_forward_ = true;
  servers_.clear();
  bool any_outside = false;
  for (const std::string& id : ids.ok() ? *ids : std::vector<std::string>()) {
    auto dns = ReadNetworkDns(store_, container_id_, id);
    if (!dns.ok()) continue;  // withdrawn meanwhile
    any_outside = any_outside || !dns->internal;
    if (!dns->internal) servers_.insert(servers_.end(), dns->servers.begin(), dns->servers.end());
    // What is known of a network stays: its index points into it.
    auto known = networks_.extract(id);
    if (known.empty()) {
      networks[id].dns = *std::move(dns);
    } else {
      if (known.mapped().dns.network_name != dns->network_name) known.mapped().directory = Directory();
      known.mapped().dns = *std::move(dns);
      networks.insert(std::move(known));
    }
  }
  networks_ = std::move(networks);
  may_forward_ = networks_.empty() || any_outside;
}

void DnsNames::ReadNetwork(const std::string& id, Network* network) {
  const std::string path = NamesDir(store_, id);
  const auto directory = os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  const auto names = os::ListDirectoryAt(AT_FDCWD, path);
  for (auto& [container_id, container] : network->containers) container.seen = false;
  if (directory.ok() && names.ok()) {
    for (const std::string& name : *names) {
      struct stat info;
      if (fstatat(directory->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      // A file is never changed, only replaced.
      const auto known = network->containers.find(name);
      if (known != network->containers.end() && known->second.inode == info.st_ino &&
          known->second.changed_nanos == Nanos(info.st_ctim)) {
        known->second.seen = true;
        continue;
      }
      auto published = ReadPublishedNames(store_, id, name);
      if (!published.ok()) continue;
      Container& container = network->containers[name];
      container = Container();
      container.inode = info.st_ino;
      container.changed_nanos = Nanos(info.st_ctim);
      container.seen = true;
      for (const std::string& address : published->addresses) {
        std::string bytes = AddressBytes(address);
        if (!bytes.empty()) container.addresses.push_back(std::move(bytes));
      }
      container.names = *std::move(published);
    }
  }
  for (auto it = network->containers.begin(); it != network->containers.end();) {
    it = it->second.seen ? std::next(it) : network->containers.erase(it);
  }
  Index(network);
}

void DnsNames::Index(Network* network) {
  network->by_name.clear();
  for (auto& [id, container] : network->containers) {
    const auto add = [network, meant = &container](absl::string_view name) {
      std::vector<Container*>& all = network->by_name[absl::AsciiStrToLower(name)];
      if (std::find(all.begin(), all.end(), meant) == all.end()) all.push_back(meant);
    };
    add(container.names.container_name);
    add(id);
    add(id.substr(0, kShortId));
    for (const std::string& alias : container.names.aliases) add(alias);
  }
}

bool DnsNames::Alive(Container* container) {
  if (now_millis_ >= container->alive_until_millis) {
    container->alive = store::MonitorAlive(store_, container->names.container_id);
    container->alive_until_millis = now_millis_ + kLifeMillis;
  }
  return container->alive;
}

bool DnsNames::Lookup(absl::string_view name, std::vector<std::string>* addresses) {
  std::vector<Container*> meant;
  const auto collect = [&](Network* network, absl::string_view wanted) {
    const auto found = network->by_name.find(wanted);
    if (found == network->by_name.end()) return;
    for (Container* container : found->second) {
      if (Alive(container)) meant.push_back(container);
    }
  };
  for (auto& [id, network] : networks_) {
    collect(&network, name);
    absl::string_view first = name;
    const std::string& suffix = network.dns.network_name;
    if (name.size() > suffix.size() + 1 && absl::ConsumeSuffix(&first, absl::AsciiStrToLower(suffix)) &&
        absl::ConsumeSuffix(&first, ".")) {
      collect(&network, first);
    }
  }
  for (const auto& [alias, id] : links_) {
    if (absl::AsciiStrToLower(alias) != name) continue;
    for (auto& [network_id, network] : networks_) {
      const auto found = network.containers.find(id);
      if (found != network.containers.end() && Alive(&found->second)) meant.push_back(&found->second);
    }
  }
  if (meant.empty()) return false;
  std::rotate(meant.begin(), meant.begin() + static_cast<ptrdiff_t>(turn_++ % meant.size()), meant.end());
  for (const Container* container : meant) {
    for (const std::string& address : container->addresses) {
      if (std::find(addresses->begin(), addresses->end(), address) == addresses->end()) {
        addresses->push_back(address);
      }
    }
  }
  return true;
}

bool DnsNames::Reverse(absl::string_view address, std::vector<std::string>* names) {
  for (auto& [id, network] : networks_) {
    for (auto& [container_id, container] : network.containers) {
      const auto& all = container.addresses;
      if (std::find(all.begin(), all.end(), address) == all.end() || !Alive(&container)) continue;
      names->push_back(container.names.container_name);
      names->push_back(container_id.substr(0, kShortId));
      names->insert(names->end(), container.names.aliases.begin(), container.names.aliases.end());
      return true;
    }
  }
  return false;
}

}  // namespace coracle::network
