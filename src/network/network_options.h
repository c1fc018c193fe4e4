// The driver options of `network create -o`: podman's names, and docker's as other spellings of them.
#ifndef CORACLE_NETWORK_NETWORK_OPTIONS_H_
#define CORACLE_NETWORK_NETWORK_OPTIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::network {

// What the options of a network say, checked. Keys of `kept`, which becomes NetworkRecord.options:
//   mtu               68 to 65535
//   vlan              1 to 4094 (bridge)
//   isolate           true, strict (bridge); absent: false
//   metric            of default routes
//   no_default_route  true; absent: false
//   mode              bridge: unmanaged (absent: managed); macvlan: bridge, private, vepa, passthru; ipvlan:
//                     l2, l3, l3s (absent: the first)
//   masquerade        false; absent: true (bridge)
//   icc               false: containers of the network can't reach each other; absent: true (bridge)
//   host_binding_ipv4 address for published ports that have none (bridge)
struct DriverOptions {
  std::vector<std::pair<std::string, std::string>> kept;
  std::string bridge_name;  // of the bridge
  std::string parent;       // of macvlan and ipvlan
};

// Errors, exit code 125: InvalidArgument for an option that the driver does not have or a value it can't
// have; Unimplemented for what other engines have and this one does not.
absl::StatusOr<DriverOptions> ReadDriverOptions(
    absl::string_view driver, const std::vector<std::pair<std::string, std::string>>& options);

// The kernel's rules for names of interfaces: 1 to 15 bytes, no '/', ':' or blank, not "." or "..".
// Errors: InvalidArgument, exit code 125.
absl::Status CheckInterfaceName(absl::string_view name);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_NETWORK_OPTIONS_H_
