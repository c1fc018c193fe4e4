// A container's end of a network: an interface in its namespace with addresses and routes.
//
// The calling thread is in the host's network namespace; it enters the container's for a few calls.
#ifndef CORACLE_NETWORK_ENDPOINT_H_
#define CORACLE_NETWORK_ENDPOINT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "network/address.h"
#include "os/netlink.h"
#include "store/store.h"

namespace coracle::network {

// What an endpoint has is decided before its namespace exists; it lives as long as the container runs.
struct Endpoint {
  store::NetworkRecord network;
  store::NetworkStatus status;  // names, mac, addresses, gateways: all filled in
  uint32_t position = 0;        // among the container's: earlier ones have the better default routes
  bool publishes = false;       // ports of the host, which it may ask at itself
};

// Six bytes of a local, unicast MAC address that only this IP address has: who gets an address that another
// had before is not met with the other's MAC in its neighbours' caches.
std::string MacFor(const IpAddress& address);
std::string MacBytes(absl::string_view text);  // of "02:42:..."; empty if it is none
std::string MacText(absl::string_view bytes);

// A name for the host's end of a pair.
std::string NewHostInterfaceName();

// Makes the interface in the namespace `netns`, configures it, and fills in what the kernel decided
// (status.mac). `rules_were_lost`, if given, is set if our table of rules was not there and had to be made:
// what other containers had in it is to be made again. Errors carry exit code 125; nothing is left on error.
absl::Status ConnectEndpoint(int netns, Endpoint& endpoint, bool* rules_were_lost = nullptr);
// Removes the interface. Missing is fine.
absl::Status DisconnectEndpoint(int netns, const store::NetworkStatus& status);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_ENDPOINT_H_
