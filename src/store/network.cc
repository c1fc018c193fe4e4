#include "store/network.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/fault.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::store {
namespace {

constexpr int kExitEngine = 125;
constexpr size_t kMaxNameBytes = 200;  // a file name has 255, of which suffixes take some
constexpr char kSuffix[] = ".network";
// SHA-256 of "coracle bridge": the same on every host, as no two hosts share a store.
constexpr char kDefaultNetworkId[] = "361ec47dd05c78dd5222ace293f871a9034324509bdffc8affd73c349b976934";
constexpr char kDefaultSubnet[] = "10.88.0.0/16";
constexpr char kDefaultGateway[] = "10.88.0.1";
constexpr char kDefaultInterface[] = "coracle0";

std::string NetworksDir(const Store& store) { return absl::StrCat(store.root(), "/networks"); }
std::string RecordPath(const Store& store, absl::string_view name) {
  return absl::StrCat(NetworksDir(store), "/", name, kSuffix);
}
// Locks and run directories share a directory: an id is 64 hexadecimal digits, a lock has a prefix that no
// name has.
std::string RunDir(const Store& store) { return absl::StrCat(store.runroot(), "/networks"); }
std::string LockPath(const Store& store, absl::string_view name) {
  return absl::StrCat(RunDir(store), "/.lock-", name);
}

absl::Status NoSuchNetwork(absl::string_view name) {
  return WithExitCode(absl::NotFoundError(absl::StrCat("no such network: ", Printable(name))), kExitEngine);
}

NetworkRecord DefaultNetwork() {
  NetworkRecord record;
  record.set_id(kDefaultNetworkId);
  record.set_name(kDefaultNetwork);
  record.set_driver(kBridgeDriver);
  record.set_interface(kDefaultInterface);
  record.set_dns_enabled(true);
  record.set_ipam_driver("host-local");
  Subnet* subnet = record.add_subnets();
  subnet->set_subnet(kDefaultSubnet);
  subnet->set_gateway(kDefaultGateway);
  return record;
}

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", path));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& dir) {
  auto names = os::ListDirectoryAt(AT_FDCWD, dir);
  if (!names.ok() && ErrnoOf(names.status()) == ENOENT) return std::vector<std::string>();
  if (names.ok()) std::sort(names->begin(), names->end());
  return names;
}

}  // namespace

absl::Status CheckNetworkName(absl::string_view name) {
  const bool valid = !name.empty() && name.size() <= kMaxNameBytes &&
                     absl::ascii_isalnum(static_cast<unsigned char>(name[0])) &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
                     });
  if (valid) return absl::OkStatus();
  return WithExitCode(
      absl::InvalidArgumentError(absl::StrCat(
          "network name \"", Printable(name),
          "\" is not valid: it is letters, digits, '_', '.' and '-', beginning with a letter or digit")),
      kExitEngine);
}

absl::string_view CanonicalNetworkName(absl::string_view name) {
  return name == "podman" || name == "default" ? absl::string_view(kDefaultNetwork) : name;
}

std::string NetworkRunDir(const Store& store, absl::string_view network_id) {
  return absl::StrCat(RunDir(store), "/", network_id);
}

absl::StatusOr<NetworkLock> NetworkLock::Acquire(const Store& store, const std::string& name) {
  RETURN_IF_ERROR(CheckNetworkName(name));
  std::string path = LockPath(store, name);
  RETURN_IF_ERROR(os::MakeDirectories(RunDir(store), 0700));
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Acquire(path, absl::StrCat("network ", name)));
  return NetworkLock(std::move(lock), std::move(path));
}

// Who waits for the lock of an unlinked file notices, and makes the file anew.
NetworkLock::~NetworkLock() {
  if (lock_.has_value() && lock_->fd() >= 0) (void)unlink(path_.c_str());
}

absl::StatusOr<NetworkLock> LockNetworkSet(const Store& store) {
  RETURN_IF_ERROR(os::MakeDirectories(RunDir(store), 0700));
  std::string path = absl::StrCat(RunDir(store), "/.lock");  // of no network: those have a '-'
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Acquire(path, "the set of networks"));
  return NetworkLock(std::move(lock), std::move(path));
}

absl::Status CreateNetwork(const Store& store, const NetworkRecord& record, os::Durability durability) {
  RETURN_IF_ERROR(CheckNetworkName(record.name()));
  RETURN_IF_ERROR(store.EnsureExists());
  RETURN_IF_ERROR(os::MakeDirectories(NetworksDir(store), 0700));
  const std::string path = RecordPath(store, record.name());
  if (os::ExistsAt(AT_FDCWD, path)) {
    return WithExitCode(
        absl::AlreadyExistsError(absl::StrCat("network name ", record.name(), " is already used")),
        kExitEngine);
  }
  FaultPoint("store.network.before-record");
  return Annotate(WriteRecord(path, record, durability), absl::StrCat("create network ", record.name()));
}

absl::StatusOr<NetworkRecord> ReadNetwork(const Store& store, absl::string_view name) {
  name = CanonicalNetworkName(name);
  if (!CheckNetworkName(name).ok()) return NoSuchNetwork(name);
  auto record = ReadRecord<NetworkRecord>(RecordPath(store, name));
  if (!absl::IsNotFound(record.status())) return record;
  return name == kDefaultNetwork ? absl::StatusOr<NetworkRecord>(DefaultNetwork()) : NoSuchNetwork(name);
}

absl::Status UpdateNetwork(const Store& store, const NetworkRecord& record, os::Durability durability) {
  return WriteRecord(RecordPath(store, record.name()), record, durability);
}

absl::Status RemoveNetwork(const Store& store, const NetworkRecord& record) {
  RETURN_IF_ERROR(CheckNetworkName(record.name()));
  if (unlink(RecordPath(store, record.name()).c_str()) == 0) {
    // Acknowledged is durable; a disk that can't sync must not keep us from deleting.
    (void)SyncDirectory(NetworksDir(store));
  } else if (errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("remove network ", record.name()));
  }
  FaultPoint("store.network.unlinked");
  if (record.id().empty()) return absl::OkStatus();
  const std::string run_dir = NetworkRunDir(store, record.id());
  if (!os::ExistsAt(AT_FDCWD, run_dir)) return absl::OkStatus();
  return Annotate(os::RemoveTreeAt(AT_FDCWD, run_dir), absl::StrCat("remove network ", record.name()));
}

bool DefaultNetworkIsMade(const Store& store) {
  return os::ExistsAt(AT_FDCWD, RecordPath(store, kDefaultNetwork));
}

absl::StatusOr<std::vector<std::string>> ListNetworks(const Store& store) {
  RETURN_IF_ERROR(store.CheckVersion());
  ASSIGN_OR_RETURN(const std::vector<std::string> files, NamesIn(NetworksDir(store)));
  std::vector<std::string> names;
  for (absl::string_view file : files) {
    // Records that are being written end otherwise.
    if (absl::ConsumeSuffix(&file, kSuffix)) names.emplace_back(file);
  }
  std::sort(names.begin(), names.end());
  const auto place = std::lower_bound(names.begin(), names.end(), kDefaultNetwork);
  if (place == names.end() || *place != kDefaultNetwork) names.insert(place, kDefaultNetwork);
  return names;
}

absl::StatusOr<std::vector<NetworkRecord>> ReadAllNetworks(const Store& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListNetworks(store));
  std::vector<NetworkRecord> records;
  records.reserve(names.size());
  for (const std::string& name : names) {
    auto record = ReadNetwork(store, name);
    if (absl::IsNotFound(record.status())) continue;  // removed just now
    if (!record.ok()) return Annotate(record.status(), absl::StrCat("network ", name));
    records.push_back(*std::move(record));
  }
  return records;
}

absl::StatusOr<NetworkRecord> ResolveNetwork(const Store& store, absl::string_view name_or_id) {
  RETURN_IF_ERROR(store.CheckVersion());
  auto named = ReadNetwork(store, name_or_id);
  if (!absl::IsNotFound(named.status())) return named;
  const bool may_be_id = !name_or_id.empty() && std::all_of(name_or_id.begin(), name_or_id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (!may_be_id) return named;
  ASSIGN_OR_RETURN(const std::vector<NetworkRecord> records, ReadAllNetworks(store));
  const NetworkRecord* found = nullptr;
  for (const NetworkRecord& record : records) {
    if (!absl::StartsWith(record.id(), name_or_id)) continue;
    if (found != nullptr) {
      return WithExitCode(absl::FailedPreconditionError(absl::StrCat(
                              "more than one network has an ID that begins with \"", name_or_id, "\"")),
                          kExitEngine);
    }
    found = &record;
  }
  if (found == nullptr) return named;
  return *found;
}

bool UsesNetwork(const ContainerRecord& record, absl::string_view network_name) {
  return std::any_of(
      record.config().networks().begin(), record.config().networks().end(),
      [&](const NetworkAttachment& network) { return network.network_name() == network_name; });
}

absl::StatusOr<std::vector<ContainerRecord>> UsersOfNetwork(const Store& store,
                                                            absl::string_view network_name) {
  std::vector<std::pair<std::string, absl::Status>> damaged;
  ASSIGN_OR_RETURN(std::vector<ContainerRecord> records, ReadAllContainers(store, &damaged));
  if (!damaged.empty()) return damaged.front().second;
  records.erase(
      std::remove_if(records.begin(), records.end(),
                     [&](const ContainerRecord& record) { return !UsesNetwork(record, network_name); }),
      records.end());
  std::sort(records.begin(), records.end(),
            [](const ContainerRecord& a, const ContainerRecord& b) { return a.name() < b.name(); });
  return records;
}

std::string NetworkOption(const NetworkRecord& record, absl::string_view key) {
  for (const StringPair& pair : record.options()) {
    if (pair.key() == key) return pair.value();
  }
  return "";
}

namespace {

absl::Status SweepHalfWritten(const Store& store) {
  ASSIGN_OR_RETURN(const std::vector<std::string> files, NamesIn(NetworksDir(store)));
  for (const std::string& file : files) {
    if (absl::EndsWith(file, kSuffix)) continue;
    const std::string path = absl::StrCat(NetworksDir(store), "/", file);
    struct stat info;
    // A young one may have a living writer; a minute is ages for one write.
    if (lstat(path.c_str(), &info) == 0 && info.st_mtime < time(nullptr) - 60) (void)unlink(path.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SweepNetworks(const Store& store) {
  RETURN_IF_ERROR(SweepHalfWritten(store));
  ASSIGN_OR_RETURN(const std::vector<std::string> entries, NamesIn(RunDir(store)));
  if (entries.empty()) return absl::OkStatus();
  absl::Status first;
  std::optional<std::vector<NetworkRecord>> networks;
  for (absl::string_view entry : entries) {
    if (absl::ConsumePrefix(&entry, ".lock-")) {
      const std::string path = LockPath(store, entry);
      const auto lock = FileLock::Try(path);
      if (lock.ok()) (void)unlink(path.c_str());
      continue;
    }
    if (entry.size() != 64) continue;
    if (!networks.has_value()) {
      // Read after the directory: a network has a run directory only while it has a record.
      ASSIGN_OR_RETURN(networks, ReadAllNetworks(store));
    }
    const bool exists = std::any_of(networks->begin(), networks->end(),
                                    [&](const NetworkRecord& record) { return record.id() == entry; });
    if (!exists) first.Update(os::RemoveTreeAt(AT_FDCWD, NetworkRunDir(store, entry)));
  }
  return first;
}

}  // namespace coracle::store
