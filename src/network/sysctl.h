// Values of /proc/sys/net, in the network namespace of the calling thread.
#ifndef CORACLE_NETWORK_SYSCTL_H_
#define CORACLE_NETWORK_SYSCTL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace coracle::network {

// `name` as a path below /proc/sys/net: ipv4/ip_forward. Empty if it can't be read.
std::string ReadSysctl(absl::string_view name);
// Does nothing if it has that value, so that a read-only /proc with the right values is fine. Errors: those
// of the write, as `set net/ipv4/ip_forward to 1: ...`.
absl::Status WriteSysctl(absl::string_view name, absl::string_view value);

// Makes the host pass packets on. What that would take away (a host that forwards no longer listens to router
// advertisements, by which it may have its own IPv6) is kept.
absl::Status EnableForwarding(bool ipv6);

// What any user of a container may do in its network namespace, as with docker: ping, and listen on every
// port. Best effort: where /proc/sys is read-only it stays as it is.
void AllowPingAndPorts();

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_SYSCTL_H_
