// Published ports that are served by a program: what connects to the sockets that hold them is passed on to
// the container.
//
// The rules of the firewall are quicker and keep the client's address, so little comes here where they are:
// what they can't translate (a client by IPv6, a container that has only IPv4), and everything while somebody
// has flushed them. TCP goes from socket to socket by splice(2) and never through this process's memory.
#ifndef CORACLE_NETWORK_PORT_FORWARDER_H_
#define CORACLE_NETWORK_PORT_FORWARDER_H_

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "network/address.h"

namespace coracle::network {

// At most so many clients of TCP, and of UDP, at once; further ones of TCP wait, of UDP displace the one that
// was silent for longest.
inline constexpr size_t kMaxForwarded = 400;

class PortForwarder {
 public:
  // A socket that holds a port.
  struct Socket {
    int fd = -1;
    bool is_udp = false;
    IpAddress address;  // as bound
    uint16_t port = 0;
  };
  struct Target {
    IpAddress address;
    uint16_t port = 0;
    bool as_client = false;  // asked with the client's own address if possible (client_address.h)
  };
  // Asked for each client: the container's address may change while it runs. None: the client is refused.
  using FindTarget = std::function<std::optional<Target>(const Socket& socket)>;

  // `fds`: listening sockets of TCP, bound ones of UDP, all non-blocking, which stay the caller's and outlive
  // the result. Those of other protocols are left alone.
  static absl::StatusOr<PortForwarder> Open(const std::vector<int>& fds, FindTarget find_target);
  PortForwarder(PortForwarder&&) noexcept;
  PortForwarder& operator=(PortForwarder&&) noexcept;
  ~PortForwarder();

  // One round of the owner's loop, as of monitor::NetworkSession.
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis);
  void Dispatch();

 private:
  struct Impl;
  explicit PortForwarder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_PORT_FORWARDER_H_
