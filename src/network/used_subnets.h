// Which subnets are taken, by the host or by other networks, and the next one that is not.
#ifndef CORACLE_NETWORK_USED_SUBNETS_H_
#define CORACLE_NETWORK_USED_SUBNETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "network/address.h"
#include "store/records.pb.h"

namespace coracle::network {

struct UsedSubnet {
  Cidr subnet;
  std::string by;  // for messages: `network web`, `a route of the host (eth0)`
};

// Routes of the host that are no default routes and no part of its loopback, and its name servers. What can't
// be read counts as not there.
std::vector<UsedSubnet> HostSubnets();
// Those of networks, all but the one called `except`.
std::vector<UsedSubnet> NetworkSubnets(absl::Span<const store::NetworkRecord> networks,
                                       absl::string_view except = "");

// The first of `used` that overlaps `subnet`, or null.
const UsedSubnet* FindOverlap(absl::Span<const UsedSubnet> used, const Cidr& subnet);

// The first free one of `first` and those of its size behind it, up to and with `last`. Errors:
// ResourceExhausted.
absl::StatusOr<Cidr> NextFree(absl::Span<const UsedSubnet> used, const Cidr& first, const Cidr& last);
// A free /24 of 10.89.0.0 to 10.255.255.0, as podman's.
absl::StatusOr<Cidr> FreeSubnet4(absl::Span<const UsedSubnet> used);
// A free /64 of fd00::/8, whose 56 free bits come from `seed`, hexadecimal digits (RFC 4193, 3.2.2).
absl::StatusOr<Cidr> FreeSubnet6(absl::Span<const UsedSubnet> used, absl::string_view seed);

// From the text of /proc/net/route, /proc/net/ipv6_route and resolv.conf. Lines that are none are skipped.
std::vector<UsedSubnet> ParseRoutes4(absl::string_view text);
std::vector<UsedSubnet> ParseRoutes6(absl::string_view text);
std::vector<UsedSubnet> ParseNameServers(absl::string_view text);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_USED_SUBNETS_H_
