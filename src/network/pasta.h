// pasta(1): a network for a namespace, made by an ordinary process. It takes packets from a tap device inside
// and makes connections of them on the host, as the user who runs it; no address of its own shows outside.
//
// We run it in the foreground as a child of the monitor. It gets the namespace as an inherited descriptor,
// says by a byte on its standard output that it is ready (-P /dev/stdout), and dies with the monitor.
// Ours has an address of its own instead of the host's, so that the host can be reached at the host's
// address; see README.md.
// Source: passt(1) as of 2023-03-09.
#ifndef CORACLE_NETWORK_PASTA_H_
#define CORACLE_NETWORK_PASTA_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "os/process.h"
#include "store/store.h"

namespace coracle::network {

// The container's address below pasta and slirp4netns, unless the user's options say otherwise.
inline constexpr char kPastaAddress[] = "10.0.2.100";
inline constexpr char kPastaGateway[] = "10.0.2.2";
inline constexpr int kPastaPrefix = 24;

struct UserNetRequest {
  int netns = -1;                         // descriptor of the network namespace; the caller's
  std::vector<std::string> options;       // the user's, of --network pasta:...
  std::vector<store::PortMapping> ports;  // host ports are known, none is 0
};

struct UserNet {
  os::ChildProcess process;             // destroyed: killed
  std::string interface_name, address;  // 10.0.2.100
  int prefix = 0;
  std::string gateway;
};

// Errors: NotFound if pasta is not installed, with a hint that names the package; FailedPrecondition with a
// hint if /dev/net/tun can't be opened; else the last line that pasta said, `publish 127.0.0.1:80/tcp: ...`
// where it is about a port. Carries exit code 125.
absl::StatusOr<UserNet> StartPasta(const UserNetRequest& request);
// The same by slirp4netns(1), for hosts without pasta. `options`: mtu=, cidr=, enable_ipv6=,
// allow_host_loopback=, outbound_addr=, port_handler=slirp4netns.
absl::StatusOr<UserNet> StartSlirp(const UserNetRequest& request);
// pasta, or slirp4netns where only that is installed.
bool HavePasta();
bool HaveSlirp();

// What host.containers.internal and host.docker.internal are for a container below pasta: the address of the
// host's interface with the default route; the gateway if `options` have --map-gw. Empty on a host that has
// no uplink.
std::string PastaHostAddress(const std::vector<std::string>& options);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_PASTA_H_
