// Ports of the host that a process of the user's will bind for a container.
#ifndef CORACLE_NETWORK_HOST_PORTS_H_
#define CORACLE_NETWORK_HOST_PORTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "store/store.h"

namespace coracle::network {

// Tries each port by binding it, and fills in random ones where host_port is 0. Nothing stays bound: whoever
// binds next may still find one taken. Errors, exit code 125: Unimplemented for sctp; AlreadyExists `publish
// 0.0.0.0:80/tcp: Address already in use`; PermissionDenied with the sysctl to change for a low port.
absl::StatusOr<std::vector<store::PortMapping>> FindHostPorts(absl::Span<const store::PortMapping> ports);

// 127.0.0.1:8080/tcp, [::1]:8080-8089/udp, *:53/udp.
std::string HostPortText(const store::PortMapping& port);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_HOST_PORTS_H_
