// Our rules in nf_tables: masquerading, isolation of networks from each other and published ports.
//
// There is one table, `inet coracle`, with rules that never change; what changes are the elements of its sets
// and maps, so that a container costs a lookup and a published port one element. Other tables (docker's,
// podman's, firewalld's) see the same packets: a drop in any of them is final, an accept only in its own.
//
//   bridges, own, internal, isolated   interfaces of our networks (own: each paired with itself)
//   subnets4, subnets6                 what is masqueraded on its way out
//   ports4, ports6                     (protocol, port) -> (address, port): published on every address
//   ports4_at, ports6_at               (address, protocol, port) -> ...: published on one
//
// A packet that goes on from interface to interface passes if it belongs to a connection that is known, stays
// within a network, goes to a published port, or leaves a network for the outside. What comes from outside or
// from another network to an address of an isolated network is dropped.
// Source: nft(8); linux/netfilter/nf_tables.h.
#ifndef CORACLE_NETWORK_FIREWALL_H_
#define CORACLE_NETWORK_FIREWALL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "network/address.h"
#include "os/netlink.h"

namespace coracle::network {

struct FirewallNetwork {
  std::string bridge;  // the interface's name
  std::vector<Cidr> subnets;
  bool internal = false;    // nothing leaves or enters
  bool masqueraded = true;  // what leaves has the host's address
  bool isolated = true;     // nothing comes in but to published ports
};

// `count` ports from `host_port` on go to those of `target` from `target_port` on.
struct Publication {
  std::string host_address;  // empty: every address of the host, of the target's family
  uint8_t protocol = 0;      // IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP
  uint16_t host_port = 0;
  IpAddress target;
  uint16_t target_port = 0;
  uint16_t count = 1;
};

class Firewall {
 public:
  // In the network namespace of the calling thread. Errors: Unimplemented if the kernel has no nf_tables,
  // which says so; PermissionDenied.
  static absl::StatusOr<Firewall> Open();

  // Whether the network's bridge is known: false after somebody flushed the rules.
  absl::StatusOr<bool> HasNetwork(const std::string& bridge);
  // Makes the table if it is missing. Adding what is there is fine.
  absl::Status AddNetwork(const FirewallNetwork& network);
  // Whether the table `inet <name>` is there.
  absl::StatusOr<bool> HasTable(absl::string_view name);
  // Whether AddNetwork had to make the table.
  bool made_table() const { return made_table_; }
  // Missing is fine.
  absl::Status RemoveNetwork(const FirewallNetwork& network);

  // What is there for the same ports goes: the caller holds the ports (held_ports.h), so it is of a container
  // that is dead. Errors: NotFound if the table is missing.
  absl::Status Publish(absl::Span<const Publication> publications);
  // Whether all are there and point where they are said to.
  absl::StatusOr<bool> HasPublished(absl::Span<const Publication> publications);
  // Those that point where they are said to, so that a later owner's are left alone. Missing is fine.
  absl::Status Unpublish(absl::Span<const Publication> publications);

  // Where iptables' FORWARD drops what nobody accepts (docker makes it so), lets the bridge's packets pass
  // there: our own table decides about them, and docker about those for its containers. Does nothing where
  // that is not so, or was done. Two callers at once may both do it: hold the network's lock.
  absl::Status PassForeignForward(const std::string& bridge);

 private:
  explicit Firewall(os::NetlinkSocket socket) : socket_(std::move(socket)) {}
  absl::Status MakeTable();
  absl::StatusOr<std::string> LookUp(const std::string& map, const std::string& key);
  absl::Status Destroy(const std::string& set, const std::vector<std::string>& keys);
  struct ForeignRule {
    uint8_t family;
    std::string chain;
    uint64_t handle;
  };
  absl::StatusOr<std::vector<ForeignRule>> ForeignRules(const std::string& bridge);

  os::NetlinkSocket socket_;
  bool made_table_ = false;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_FIREWALL_H_
