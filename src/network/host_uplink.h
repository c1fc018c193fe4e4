// The host's way out, as far as the user-mode networks need to know it.
#ifndef CORACLE_NETWORK_HOST_UPLINK_H_
#define CORACLE_NETWORK_HOST_UPLINK_H_

#include <string>

#include "absl/strings/string_view.h"

namespace coracle::network {

struct Uplink {
  std::string interface_name;  // with the IPv4 default route; empty: none
  std::string address;         // its first IPv4 address
  bool has_v6 = false;         // there is an IPv6 default route
};
// Of the network namespace of this process.
Uplink FindUplink();

// From the text of /proc/net/route and /proc/net/ipv6_route. Of several routes the one with the lowest
// metric.
std::string DefaultRouteInterface(absl::string_view route);
bool HasDefaultRoute6(absl::string_view ipv6_route);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_HOST_UPLINK_H_
