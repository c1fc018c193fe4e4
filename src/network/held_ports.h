// Ports of the host that a container's monitor holds, for as long as the container runs, by sockets of its
// own.
//
// What arrives for them is sent on by the firewall before any socket sees it; the sockets are there so that
// no other program, and no other container, gets the same port. They also show who has it.
#ifndef CORACLE_NETWORK_HELD_PORTS_H_
#define CORACLE_NETWORK_HELD_PORTS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "os/unique_fd.h"
#include "store/store.h"

namespace coracle::network {

struct HeldPorts {
  std::vector<os::UniqueFd> sockets;
  std::vector<os::UniqueFd> passed;  // those of ports with pass_fd: one for all addresses of both families
  std::vector<store::PortMapping> ports;  // as asked, with the random ones filled in
};

// Binds all of `ports` (TCP: listens), those without an address in both families if the host has both.
// Errors, exit code 125: AlreadyExists `port 8080/tcp on 0.0.0.0 is in use`, for which `taken` is filled in;
// else those of bind(2), naming the port.
struct TakenPort {
  uint8_t protocol = 0;
  uint16_t port = 0;
};
absl::StatusOr<HeldPorts> HoldPorts(absl::Span<const store::PortMapping> ports,
                                    std::optional<TakenPort>* taken = nullptr);

// A process that has a socket on that port, in this network namespace and among those that the caller may
// look at.
struct PortHolder {
  pid_t pid = 0;
  std::string command;
};
std::optional<PortHolder> FindPortHolder(const TakenPort& port);

// IPPROTO_TCP for "tcp" or empty, ... Errors: InvalidArgument.
absl::StatusOr<uint8_t> ProtocolNumber(absl::string_view name);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_HELD_PORTS_H_
