#include "network/lease.h"

#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/status.h"
#include "base/text.h"
#include "network/address.h"
#include "store/network.h"

namespace coracle::network {
namespace {

using store::NetworkRecord;
using store::Store;

constexpr size_t kMaxLastBytes = 64;

std::string LeaseDir(const Store& store, absl::string_view network_id) {
  return absl::StrCat(store::NetworkRunDir(store, network_id), "/leases");
}
std::string LeasePath(const Store& store, absl::string_view network_id, absl::string_view address) {
  return absl::StrCat(LeaseDir(store, network_id), "/", address);
}

absl::StatusOr<store::FileLock> LockLeases(const Store& store, absl::string_view network_id) {
  return store::FileLock::Acquire(absl::StrCat(store::NetworkRunDir(store, network_id), "/lock"),
                                  "address leases");
}

absl::Status Refuse(absl::StatusCode code, absl::string_view message) {
  return WithExitCode(absl::Status(code, message), 125);
}

// A subnet of a record, parsed.
struct Pool {
  Cidr subnet;
  std::optional<IpAddress> gateway;
  IpRange range;
  int index = 0;
};

absl::StatusOr<std::vector<Pool>> PoolsOf(const NetworkRecord& network) {
  std::vector<Pool> pools;
  for (const store::Subnet& subnet : network.subnets()) {
    Pool& pool = pools.emplace_back();
    pool.index = static_cast<int>(pools.size()) - 1;
    ASSIGN_OR_RETURN(pool.subnet, Cidr::Parse(subnet.subnet()));
    if (!subnet.gateway().empty()) {
      ASSIGN_OR_RETURN(pool.gateway, IpAddress::Parse(subnet.gateway()));
    }
    pool.range = {pool.subnet.first_host(), pool.subnet.last_host()};
    if (!subnet.range_first().empty()) {
      ASSIGN_OR_RETURN(pool.range.first, IpAddress::Parse(subnet.range_first()));
    }
    if (!subnet.range_last().empty()) {
      ASSIGN_OR_RETURN(pool.range.last, IpAddress::Parse(subnet.range_last()));
    }
  }
  return pools;
}

// Leases of one network while its lease lock is held.
class LeaseTable {
 public:
  LeaseTable(const Store& store, const NetworkRecord& network, absl::string_view container)
      : store_(store), network_(network), container_(container) {}

  absl::StatusOr<IpAddress> TakeNext(const Pool& pool);
  absl::Status TakeWanted(const Pool& pool, const IpAddress& address);

 private:
  // The id of another container that has it; nullopt: it is ours now.
  absl::StatusOr<std::optional<std::string>> Take(const IpAddress& address);
  std::string LastPath(const Pool& pool) const {
    return absl::StrCat(store::NetworkRunDir(store_, network_.id()), "/last-", pool.index);
  }

  const Store& store_;
  const NetworkRecord& network_;
  const std::string container_;
};

absl::StatusOr<std::optional<std::string>> LeaseTable::Take(const IpAddress& address) {
  const std::string path = LeasePath(store_, network_.id(), address.ToString());
  while (symlink(container_.c_str(), path.c_str()) != 0) {
    if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("lease ", path));
    const auto owner = os::ReadLinkAt(AT_FDCWD, path);
    if (!owner.ok()) return owner.status();
    if (*owner == container_) return std::optional<std::string>();
    if (store::MonitorAlive(store_, *owner)) return std::optional<std::string>(*owner);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, absl::StrCat("free lease ", path));
    }
  }
  return std::optional<std::string>();
}

absl::StatusOr<IpAddress> LeaseTable::TakeNext(const Pool& pool) {
  IpAddress first = pool.range.first;
  const auto last_text = os::ReadFileAt(AT_FDCWD, LastPath(pool), kMaxLastBytes);
  if (last_text.ok()) {
    // Of a killed writer or an older range it is of no use.
    const auto last = IpAddress::Parse(*last_text);
    if (last.ok() && pool.range.Contains(*last) && *last != pool.range.last) first = last->Plus(1);
  }
  IpAddress candidate = first;
  do {
    if (candidate != pool.gateway) {
      ASSIGN_OR_RETURN(const std::optional<std::string> owner, Take(candidate));
      if (!owner.has_value()) {
        // Best effort: without it addresses come again sooner.
        (void)os::WriteFileAt(AT_FDCWD, LastPath(pool), candidate.ToString(), 0600);
        return candidate;
      }
    }
    candidate = candidate == pool.range.last ? pool.range.first : candidate.Plus(1);
  } while (candidate != first);
  return Refuse(absl::StatusCode::kResourceExhausted,
                absl::StrCat("network ", network_.name(), ": no free address in ", pool.subnet.ToString()));
}

absl::Status LeaseTable::TakeWanted(const Pool& pool, const IpAddress& address) {
  if (pool.gateway == address) {
    return Refuse(
        absl::StatusCode::kInvalidArgument,
        absl::StrCat("IP address ", address.ToString(), " is the gateway of network ", network_.name()));
  }
  if (address < pool.subnet.first_host() || pool.subnet.last_host() < address) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  absl::StrCat("IP address ", address.ToString(), " is not one that a host of ",
                               pool.subnet.ToString(), " can have"));
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> owner, Take(address));
  if (!owner.has_value()) return absl::OkStatus();
  const auto record = store::ReadContainer(store_, *owner);
  return Refuse(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("IP address ", address.ToString(), " is already used by container ",
                   record.ok() ? record->name() : owner->substr(0, 12), " on network ", network_.name()));
}

// What was asked for, by subnet.
absl::Status AddWanted(const NetworkRecord& network, const std::vector<Pool>& pools, absl::string_view text,
                       bool is_v6, std::vector<std::optional<IpAddress>>& wanted) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(text));
  if (address.is_v6() != is_v6) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  absl::StrCat("\"", text, "\" is not an IPv", is_v6 ? 6 : 4, " address"));
  }
  for (const Pool& pool : pools) {
    if (!pool.subnet.Contains(address)) continue;
    wanted[static_cast<size_t>(pool.index)] = address;
    return absl::OkStatus();
  }
  return Refuse(
      absl::StatusCode::kInvalidArgument,
      absl::StrCat("IP address ", address.ToString(), " is in no subnet of network ", network.name()));
}

}  // namespace

std::string LeasedAddress::WithPrefix() const { return absl::StrCat(address, "/", prefix); }

absl::StatusOr<std::vector<LeasedAddress>> LeaseAddresses(const Store& store, const NetworkRecord& network,
                                                          absl::string_view container_id,
                                                          absl::string_view ip, absl::string_view ip6) {
  std::vector<LeasedAddress> leased;
  if (network.ipam_driver() == "none" || network.ipam_driver() == "dhcp") return leased;
  ASSIGN_OR_RETURN(const std::vector<Pool> pools, PoolsOf(network), "network ", network.name());
  std::vector<std::optional<IpAddress>> wanted(pools.size());
  RETURN_IF_ERROR(AddWanted(network, pools, ip, /*is_v6=*/false, wanted));
  RETURN_IF_ERROR(AddWanted(network, pools, ip6, /*is_v6=*/true, wanted));
  RETURN_IF_ERROR(os::MakeDirectories(LeaseDir(store, network.id()), 0700));
  ASSIGN_OR_RETURN(const store::FileLock lock, LockLeases(store, network.id()));
  LeaseTable table(store, network, container_id);
  for (const Pool& pool : pools) {
    const std::optional<IpAddress>& want = wanted[static_cast<size_t>(pool.index)];
    const absl::StatusOr<IpAddress> address = want.has_value() ? [&]() -> absl::StatusOr<IpAddress> {
      RETURN_IF_ERROR(table.TakeWanted(pool, *want));
      return *want;
    }()
        : table.TakeNext(pool);
    if (!address.ok()) {
      for (const LeasedAddress& taken : leased) {
        (void)unlink(LeasePath(store, network.id(), taken.address).c_str());  // else it goes with us
      }
      return address.status();
    }
    FaultPoint("network.lease.taken");
    LeasedAddress& one = leased.emplace_back();
    one.address = address->ToString();
    one.prefix = pool.subnet.prefix();
    one.gateway = pool.gateway.has_value() ? pool.gateway->ToString() : "";
    one.is_v6 = address->is_v6();
  }
  return leased;
}

absl::Status ReleaseAddresses(const Store& store, absl::string_view network_id,
                              absl::string_view container_id, absl::Span<const std::string> addresses) {
  if (addresses.empty() || !os::ExistsAt(AT_FDCWD, LeaseDir(store, network_id))) return absl::OkStatus();
  ASSIGN_OR_RETURN(const store::FileLock lock, LockLeases(store, network_id));
  absl::Status first;
  for (const absl::string_view address : addresses) {
    const auto parsed = IpAddress::Parse(address.substr(0, address.find('/')));
    if (!parsed.ok()) {
      first.Update(parsed.status());
      continue;
    }
    const std::string path = LeasePath(store, network_id, parsed->ToString());
    const auto owner = os::ReadLinkAt(AT_FDCWD, path);
    if (!owner.ok() || *owner != container_id) continue;
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      first.Update(ErrnoStatus(errno, absl::StrCat("free lease ", path)));
    }
  }
  return first;
}

void ReleaseAllAddresses(const Store& store, absl::string_view network_id, absl::string_view container_id) {
  const std::string directory = LeaseDir(store, network_id);
  const auto names = os::ListDirectoryAt(AT_FDCWD, directory);
  if (!names.ok()) return;
  std::vector<std::string> mine;
  for (const std::string& name : *names) {
    const auto owner = os::ReadLinkAt(AT_FDCWD, absl::StrCat(directory, "/", name));
    if (owner.ok() && *owner == container_id) mine.push_back(name);
  }
  (void)ReleaseAddresses(store, network_id, container_id, mine);
}

namespace {

// Address and holder of each, whether it holds or not.
std::vector<std::pair<std::string, std::string>> AllLeases(const Store& store, absl::string_view network_id) {
  std::vector<std::pair<std::string, std::string>> leases;
  const auto names = os::ListDirectoryAt(AT_FDCWD, LeaseDir(store, network_id));
  if (!names.ok()) return leases;
  for (const std::string& name : *names) {
    auto holder = os::ReadLinkAt(AT_FDCWD, LeasePath(store, network_id, name));
    if (holder.ok()) leases.emplace_back(name, *std::move(holder));
  }
  return leases;
}

}  // namespace

std::set<std::string> DeadHolders(const Store& store, absl::string_view network_id) {
  std::set<std::string> dead;
  for (auto& [address, holder] : AllLeases(store, network_id)) {
    if (!store::MonitorAlive(store, holder)) dead.insert(std::move(holder));
  }
  return dead;
}

std::vector<std::pair<std::string, std::string>> ListLeases(const Store& store,
                                                            absl::string_view network_id) {
  std::vector<std::pair<std::string, std::string>> leases;
  for (auto& lease : AllLeases(store, network_id)) {
    if (store::MonitorAlive(store, lease.second)) leases.push_back(std::move(lease));
  }
  return leases;
}

}  // namespace coracle::network
