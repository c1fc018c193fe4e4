// Networks for a namespace made by an ordinary process: pasta(1), or slirp4netns(1) where that is not
// installed. It takes packets from a tap device inside and makes connections of them on the host, as the user
// who runs it; no address of its own shows outside.
//
// We run it in the foreground as a child of the monitor. It gets the namespace as an inherited descriptor,
// says by a byte on its standard output that it is ready, and dies with the monitor. The container has an
// address of its own instead of the host's, which is pasta's default, so that it can reach the host at the
// host's address. On a host without IPv4 uplink pasta takes lo's place for it: it has a network all the same,
// and published ports work.
// Pasta of 2023 loses the answers of a published UDP port to a client on the host's loopback (unless given
// --map-gw); by the host's own address they arrive.
// Source: passt(1) as of 2023-03-09; slirp4netns(1) 1.2.
#ifndef CORACLE_NETWORK_PASTA_H_
#define CORACLE_NETWORK_PASTA_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "network/helper_process.h"
#include "network/host_uplink.h"
#include "store/store.h"

namespace coracle::network {

// The container's address, unless the user's options say otherwise.
inline constexpr char kUserNetAddress[] = "10.0.2.100";
inline constexpr char kUserNetGateway[] = "10.0.2.2";
inline constexpr int kUserNetPrefix = 24;

struct UserNetRequest {
  int netns = -1;                    // descriptor of the network namespace; the caller's
  std::vector<std::string> options;  // the user's, of --network pasta:...; a word each
  std::vector<store::PortMapping> ports;
  std::string run_dir;  // slirp4netns's control socket is there for a moment
};

struct UserNet {
  HelperProcess helper;
  store::NetworkStatus status;            // interface, address, gateway
  std::vector<store::PortMapping> ports;  // with the random ones filled in
};

// Whether such a network can be made here. Errors: NotFound with a hint that names the package (passt) if
// neither program is installed; FailedPrecondition with a hint if /dev/net/tun can't be opened.
absl::Status CheckUserNet();

// Errors: as CheckUserNet, FindHostPorts; else what the program said last. All carry exit code 125.
absl::StatusOr<UserNet> StartPasta(const UserNetRequest& request);
// `options`: mtu=, cidr=, enable_ipv6=, allow_host_loopback=, outbound_addr=, outbound_addr6=.
absl::StatusOr<UserNet> StartSlirp(const UserNetRequest& request);
// pasta if it is installed, else slirp4netns (which takes no options of pasta's: InvalidArgument).
absl::StatusOr<UserNet> StartUserNet(const UserNetRequest& request);

// What host.containers.internal and host.docker.internal are for such a container: the address of the host's
// interface with the default route; with --map-gw (or allow_host_loopback=true) the gateway, which is then
// the host's loopback. Empty where there is no such address.
std::string UserNetHostAddress(absl::Span<const std::string> options);

// For tests: pasta's arguments.
std::vector<std::string> PastaArguments(const UserNetRequest& request, const Uplink& uplink);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_PASTA_H_
