#include "network/held_ports.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "network/address.h"
#include "os/file.h"

namespace coracle::network {
namespace {

using os::UniqueFd;

// How often a random port that is free in one family and taken in the other is given back for another one.
constexpr int kRandomTries = 100;
// As most programs that listen; the kernel takes less where the host says so (net.core.somaxconn).
constexpr int kBacklog = 511;

struct Wanted {
  IpAddress address;
  uint8_t protocol;
  uint16_t port;      // 0: any
  bool both = false;  // [::] for IPv4 as well
};

absl::string_view ProtocolName(uint8_t protocol) {
  return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

socklen_t Fill(const Wanted& wanted, sockaddr_storage* storage) {
  memset(storage, 0, sizeof(*storage));
  const std::string bytes = wanted.address.Bytes();
  if (wanted.address.is_v6()) {
    auto* address = reinterpret_cast<sockaddr_in6*>(storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = __builtin_bswap16(wanted.port);
    memcpy(&address->sin6_addr, bytes.data(), 16);
    return sizeof(*address);
  }
  auto* address = reinterpret_cast<sockaddr_in*>(storage);
  address->sin_family = AF_INET;
  address->sin_port = __builtin_bswap16(wanted.port);
  memcpy(&address->sin_addr, bytes.data(), 4);
  return sizeof(*address);
}

uint16_t PortOf(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  return __builtin_bswap16(storage.ss_family == AF_INET6
                               ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                               : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

// 0 and the socket, or an errno.
int BindOne(const Wanted& wanted, UniqueFd* result) {
  const bool tcp = wanted.protocol == IPPROTO_TCP;
  UniqueFd fd(
      socket(wanted.address.is_v6() ? AF_INET6 : AF_INET,
             (wanted.protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
             wanted.protocol));
  if (!fd.valid()) return errno;
  const int on = 1, only = wanted.both ? 0 : 1;
  if (wanted.address.is_v6()) (void)setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
  // Connections of an earlier owner that are in TIME_WAIT are no obstacle.
  if (tcp) (void)setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_storage storage;
  const socklen_t size = Fill(wanted, &storage);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return errno;
  // Only a listening socket keeps out others that bind with SO_REUSEADDR.
  if (tcp && listen(fd.get(), kBacklog) != 0) return errno;
  *result = std::move(fd);
  return 0;
}

// Hosts without IPv6, or without SCTP, can't have that port taken either.
bool IsMissing(int error) {
  return error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT;
}

absl::Status BindError(const Wanted& wanted, int error) {
  const std::string port =
      absl::StrCat(wanted.port, "/", ProtocolName(wanted.protocol), " on ", wanted.address.is_v6() ? "[" : "",
                   wanted.address.ToString(), wanted.address.is_v6() ? "]" : "");
  if (error == EADDRINUSE) {
    return WithExitCode(absl::AlreadyExistsError(absl::StrCat("port ", port, " is in use")), 125);
  }
  absl::Status status = WithExitCode(ErrnoStatus(error, absl::StrCat("publish port ", port)), 125);
  if (error == EACCES) return WithHint(status, "see sysctl net.ipv4.ip_unprivileged_port_start");
  return status;
}

// The same port on all of `addresses`. `port` 0 becomes the one that was found.
absl::Status HoldOne(const std::vector<IpAddress>& addresses, bool all_needed, uint8_t protocol,
                     uint16_t* port, HeldPorts& held, std::optional<TakenPort>* taken) {
  for (int tries = 0;; ++tries) {
    uint16_t found = *port;
    std::vector<UniqueFd> sockets;
    int error = 0;
    for (const IpAddress& address : addresses) {
      const Wanted wanted = {address, protocol, found};
      UniqueFd fd;
      error = BindOne(wanted, &fd);
      if (error != 0 && IsMissing(error) && !all_needed) error = 0;
      if (error == EADDRINUSE && *port == 0 && tries < kRandomTries) break;
      if (error != 0) {
        if (taken != nullptr && error == EADDRINUSE) *taken = TakenPort{protocol, found};
        return BindError(wanted, error);
      }
      if (!fd.valid()) continue;
      if (found == 0) found = PortOf(fd.get());
      sockets.push_back(std::move(fd));
    }
    if (error != 0) continue;
    // SCTP is published without a socket where the kernel has no such sockets; a random port needs one.
    if (found == 0) {
      return WithExitCode(
          absl::UnimplementedError(
              absl::StrCat("publish a random port: this kernel has no sockets of ", ProtocolName(protocol))),
          125);
    }
    *port = found;
    for (UniqueFd& fd : sockets) held.sockets.push_back(std::move(fd));
    return absl::OkStatus();
  }
}

// A socket for a program that expects one of its own: all addresses are one socket, and it blocks.
absl::Status HoldPassed(const std::vector<IpAddress>& addresses, uint8_t protocol, uint16_t* port,
                        HeldPorts& held, std::optional<TakenPort>* taken) {
  const bool everywhere = addresses.size() > 1;
  Wanted wanted = {everywhere ? IpAddress(0, true) : addresses[0], protocol, *port, everywhere};
  UniqueFd fd;
  int error = BindOne(wanted, &fd);
  if (everywhere && (IsMissing(error) || error == EADDRNOTAVAIL)) {
    wanted = {IpAddress(0, false), protocol, *port};
    error = BindOne(wanted, &fd);
  }
  if (error != 0) {
    if (taken != nullptr && error == EADDRINUSE) *taken = TakenPort{protocol, *port};
    return BindError(wanted, error);
  }
  const int flags = fcntl(fd.get(), F_GETFL);
  if (flags < 0 || fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return ErrnoStatus(errno, "fcntl");
  *port = PortOf(fd.get());
  held.passed.push_back(std::move(fd));
  return absl::OkStatus();
}

// One descriptor a port and family: ranges may need more than the soft limit.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);  // what then does not suffice is told by socket(2)
}

}  // namespace

absl::StatusOr<uint8_t> ProtocolNumber(absl::string_view name) {
  if (name.empty() || name == "tcp") return IPPROTO_TCP;
  if (name == "udp") return IPPROTO_UDP;
  if (name == "sctp") return static_cast<uint8_t>(IPPROTO_SCTP);
  return WithExitCode(absl::InvalidArgumentError(absl::StrCat("unknown protocol ", name)), 125);
}

absl::StatusOr<HeldPorts> HoldPorts(absl::Span<const store::PortMapping> ports,
                                    std::optional<TakenPort>* taken) {
  HeldPorts held;
  uint32_t total = 0;
  for (const store::PortMapping& port : ports) total += std::max<uint32_t>(port.count(), 1);
  if (total > 200) RaiseDescriptorLimit();
  for (const store::PortMapping& mapping : ports) {
    ASSIGN_OR_RETURN(const uint8_t protocol, ProtocolNumber(mapping.protocol()));
    std::vector<IpAddress> addresses = {IpAddress(0, false), IpAddress(0, true)};
    if (!mapping.host_ip().empty()) {
      ASSIGN_OR_RETURN(const IpAddress address, IpAddress::Parse(mapping.host_ip()));
      addresses = {address};
    }
    const uint32_t count = std::max<uint32_t>(mapping.count(), 1);
    for (uint32_t i = 0; i < count; ++i) {
      uint16_t port = mapping.host_port() == 0 ? 0 : static_cast<uint16_t>(mapping.host_port() + i);
      RETURN_IF_ERROR(mapping.pass_fd() ? HoldPassed(addresses, protocol, &port, held, taken)
                                        : HoldOne(addresses, /*all_needed=*/addresses.size() == 1 &&
                                                                 protocol != IPPROTO_SCTP,
                                                  protocol, &port, held, taken));
      if (mapping.host_port() != 0) continue;
      store::PortMapping one = mapping;  // random ones need not be in a row
      one.set_host_port(port);
      one.set_container_port(mapping.container_port() + i);
      one.set_count(1);
      held.ports.push_back(std::move(one));
    }
    if (mapping.host_port() == 0) continue;
    held.ports.push_back(mapping);
    held.ports.back().set_count(count);
  }
  return held;
}

// ---- who has it ----

namespace {

// proc(5), /proc/net/tcp: "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode". The
// inodes of listening (state 0A) or, of UDP, unconnected (07) sockets on that port.
std::vector<std::string> InodesOf(const std::string& file, uint16_t port) {
  std::vector<std::string> inodes;
  const auto text = os::ReadFileAt(AT_FDCWD, file);
  if (!text.ok()) return inodes;
  const std::string wanted = absl::StrCat(":", absl::Hex(port, absl::kZeroPad4));
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (fields.size() < 10 || (fields[3] != "0A" && fields[3] != "07")) continue;
    const absl::string_view local = fields[1];
    if (local.size() < 5) continue;
    if (absl::EqualsIgnoreCase(local.substr(local.size() - 5), wanted)) inodes.emplace_back(fields[9]);
  }
  return inodes;
}

}  // namespace

std::optional<PortHolder> FindPortHolder(const TakenPort& port) {
  const std::string name(ProtocolName(port.protocol));
  std::vector<std::string> wanted;
  for (const char* suffix : {"", "6"}) {
    for (const std::string& inode : InodesOf(absl::StrCat("/proc/net/", name, suffix), port.port)) {
      wanted.push_back(absl::StrCat("socket:[", inode, "]"));
    }
  }
  const auto processes = os::ListDirectoryAt(AT_FDCWD, "/proc");
  if (wanted.empty() || !processes.ok()) return std::nullopt;
  for (const std::string& process : *processes) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(process, &pid)) continue;
    const std::string directory = absl::StrCat("/proc/", pid, "/fd");
    const auto descriptors = os::ListDirectoryAt(AT_FDCWD, directory);
    if (!descriptors.ok()) continue;
    for (const std::string& descriptor : *descriptors) {
      const auto target = os::ReadLinkAt(AT_FDCWD, absl::StrCat(directory, "/", descriptor));
      if (!target.ok() || std::find(wanted.begin(), wanted.end(), *target) == wanted.end()) continue;
      const auto command = os::ReadFileAt(AT_FDCWD, absl::StrCat("/proc/", pid, "/comm"), 64);
      return PortHolder{pid, command.ok() ? command->substr(0, command->find('\n')) : ""};
    }
  }
  return std::nullopt;
}

}  // namespace coracle::network
