#include "network/host_ports.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "os/file.h"
#include "os/unique_fd.h"

namespace coracle::network {
namespace {

constexpr int kRandomTries = 64;

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  int family = AF_INET;
};

bool MakeAddress(const std::string& ip, uint16_t port, SocketAddress* address) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address->storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address->storage);
  if (ip.empty() || inet_pton(AF_INET, ip.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address->size = sizeof(*v4);
    return true;
  }
  if (inet_pton(AF_INET6, ip.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  address->family = AF_INET6;
  address->size = sizeof(*v6);
  return true;
}

// Binds the port, if only for a moment; 0 becomes a free one. 0 or errno.
int TryPort(const store::PortMapping& mapping, uint16_t* port) {
  SocketAddress address;
  if (!MakeAddress(mapping.host_ip(), *port, &address)) return EINVAL;
  const bool tcp = mapping.protocol() != "udp";
  const os::UniqueFd fd(socket(address.family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const int on = 1;
  // Connections of an earlier owner that wait for their end are no hindrance.
  if (tcp) (void)setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.family == AF_INET6) (void)setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), address.size) != 0) return errno;
  // With SO_REUSEADDR it is listen that tells of another listener.
  if (tcp && listen(fd.get(), 1) != 0) return errno;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return errno;
  *port = ntohs(address.family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port
                                          : reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port);
  return 0;
}

absl::Status Refused(const store::PortMapping& mapping, uint32_t port, int error) {
  store::PortMapping one = mapping;
  one.set_host_port(port);
  one.set_count(1);
  const absl::Status status =
      WithExitCode(ErrnoStatus(error, absl::StrCat("publish ", HostPortText(one))), 125);
  if (error != EACCES && error != EPERM) return status;
  const auto text = os::ReadFileAt(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 64);
  return WithHint(status, absl::StrCat("ports below ", text.ok() ? absl::StripAsciiWhitespace(*text) : "1024",
                                       " are root's: use a higher one, or set the sysctl "
                                       "net.ipv4.ip_unprivileged_port_start to ",
                                       port));
}

absl::Status TryRange(const store::PortMapping& mapping, uint32_t first, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    uint16_t port = static_cast<uint16_t>(first + i);
    const int error = TryPort(mapping, &port);
    if (error != 0) return Refused(mapping, first + i, error);
  }
  return absl::OkStatus();
}

absl::Status FillRandom(store::PortMapping* mapping, uint32_t count) {
  absl::Status last;
  for (int i = 0; i < kRandomTries; ++i) {
    uint16_t first = 0;
    const int error = TryPort(*mapping, &first);
    if (error != 0) return Refused(*mapping, 0, error);
    if (first + count - 1 > 65535) continue;
    last = TryRange(*mapping, first, count);
    if (!last.ok()) continue;
    mapping->set_host_port(first);
    return last;
  }
  return last;
}

}  // namespace

std::string HostPortText(const store::PortMapping& port) {
  std::string text = port.host_ip().empty() ? "*" : port.host_ip();
  if (text.find(':') != std::string::npos) text = absl::StrCat("[", text, "]");
  absl::StrAppend(&text, ":", port.host_port());
  if (port.count() > 1) absl::StrAppend(&text, "-", port.host_port() + port.count() - 1);
  return absl::StrCat(text, "/", port.protocol().empty() ? "tcp" : port.protocol());
}

absl::StatusOr<std::vector<store::PortMapping>> FindHostPorts(absl::Span<const store::PortMapping> ports) {
  std::vector<store::PortMapping> found;
  for (store::PortMapping mapping : ports) {
    const uint32_t count = std::max<uint32_t>(mapping.count(), 1);
    if (mapping.protocol() == "sctp") {
      return WithExitCode(absl::UnimplementedError(absl::StrCat("publish ", HostPortText(mapping),
                                                                ": sctp is not supported by this network")),
                          125);
    }
    if (mapping.host_port() == 0) {
      RETURN_IF_ERROR(FillRandom(&mapping, count));
    } else {
      RETURN_IF_ERROR(TryRange(mapping, mapping.host_port(), count));
    }
    found.push_back(std::move(mapping));
  }
  return found;
}

}  // namespace coracle::network
