// Networks: one record each, in a file that is named as the network. Where it lies stands in store.h.
//
// Whoever makes a network or changes its subnets holds the lock of the set, so that no two get the same
// addresses. Whoever removes or changes one, or takes it into a container's record, holds that network's
// lock: none goes between the look at who uses it and its end. Readers take no lock.
//
// The network `bridge` always exists: until something of it is changed or used, it has no file
// (network/default_network.h makes it). It answers to `podman` and `default` too.
#ifndef CORACLE_STORE_NETWORK_H_
#define CORACLE_STORE_NETWORK_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::store {

inline constexpr char kDefaultNetwork[] = "bridge";

// Of drivers. The first is that of the default network.
inline constexpr char kBridgeDriver[] = "bridge";
inline constexpr char kMacvlanDriver[] = "macvlan";
inline constexpr char kIpvlanDriver[] = "ipvlan";

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 200 bytes. Errors: InvalidArgument, exit code 125.
absl::Status CheckNetworkName(absl::string_view name);
// `bridge` for `podman` and `default`; else the same.
absl::string_view CanonicalNetworkName(absl::string_view name);

// Where the run-time files of a network lie (address leases, ...): <runroot>/networks/<id>.
std::string NetworkRunDir(const Store& store, absl::string_view network_id);

// The lock of one network; its file goes with it. Not to be held over a fork of something that lives on.
class NetworkLock {
 public:
  // Waits. The network need not exist. Errors: InvalidArgument for a name that is none.
  static absl::StatusOr<NetworkLock> Acquire(const Store& store, const std::string& name);
  NetworkLock(NetworkLock&&) = default;
  NetworkLock& operator=(NetworkLock&&) = delete;
  ~NetworkLock();

 private:
  friend absl::StatusOr<NetworkLock> LockNetworkSet(const Store& store);
  NetworkLock(FileLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}
  std::optional<FileLock> lock_;
  std::string path_;
};
// The lock of the set; comes before the lock of a network.
absl::StatusOr<NetworkLock> LockNetworkSet(const Store& store);

// The caller holds the lock of the set. Errors: AlreadyExists `network name "x" is already used`, exit code
// 125.
absl::Status CreateNetwork(const Store& store, const NetworkRecord& record, os::Durability durability);
// By its full name. Of the default network without a file: what it would be. Errors: NotFound `no such
// network: x`, exit code 125.
absl::StatusOr<NetworkRecord> ReadNetwork(const Store& store, absl::string_view name);
// The caller holds the network's lock.
absl::Status UpdateNetwork(const Store& store, const NetworkRecord& record, os::Durability durability);
// The caller holds the network's lock and has made sure that nobody uses it. Missing is fine. Takes its run
// directory along.
absl::Status RemoveNetwork(const Store& store, const NetworkRecord& record);

// Whether the default network has a file.
bool DefaultNetworkIsMade(const Store& store);

// Sorted by name; always with the default network.
absl::StatusOr<std::vector<NetworkRecord>> ReadAllNetworks(const Store& store);
// Names only, sorted.
absl::StatusOr<std::vector<std::string>> ListNetworks(const Store& store);
// A full name, an id, or a unique beginning of one. Errors: NotFound; FailedPrecondition if several ids begin
// so.
absl::StatusOr<NetworkRecord> ResolveNetwork(const Store& store, absl::string_view name_or_id);

// Whether the container's record names the network.
bool UsesNetwork(const ContainerRecord& record, absl::string_view network_name);
// Records of the containers that do, by name. Errors: of a container's record that can't be read, since it
// might.
absl::StatusOr<std::vector<ContainerRecord>> UsersOfNetwork(const Store& store,
                                                            absl::string_view network_name);

// The value of an option of the network, or empty.
std::string NetworkOption(const NetworkRecord& record, absl::string_view key);

// For Sweep: run directories of networks that are gone, half-written records, locks that nobody holds.
absl::Status SweepNetworks(const Store& store);

}  // namespace coracle::store

#endif  // CORACLE_STORE_NETWORK_H_
