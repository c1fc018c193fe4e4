// Hosts whose firewall is firewalld, as Fedora, Red Hat and SUSE have it: its table rejects whatever is
// forwarded from an interface of the default zone, our bridges among them, and a drop in any table is final.
// So the subnets of our networks become sources of its zone "trusted", as podman's do; our own table decides
// about them. What is published gets through in any case.
//
// Only the running configuration is changed: a reload of firewalld loses it, which the monitors of the
// network's containers see (rules_watch.h) and mend. Best effort: a table that a killed firewalld has left
// must not keep anybody's network from being made. Source: firewalld.dbus(5),
// org.fedoraproject.FirewallD1.zone; firewalld.zone(5).
#ifndef CORACLE_NETWORK_FIREWALLD_H_
#define CORACLE_NETWORK_FIREWALLD_H_

#include <vector>

#include "network/address.h"

namespace coracle::network {

// The table by which one sees that it runs: `inet firewalld`.
inline constexpr char kFirewalldTable[] = "firewalld";

void TrustInFirewalld(const std::vector<Cidr>& subnets);
void DistrustInFirewalld(const std::vector<Cidr>& subnets);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_FIREWALLD_H_
