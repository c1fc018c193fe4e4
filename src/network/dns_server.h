// The resolver of one container, inside its monitor: answers for the names of the networks that the container
// is on, and forwards the rest to the host's resolvers.
//
// It listens inside the container's network namespace and asks from the host's, where the monitor lives, so
// that a resolver on the host's loopback (systemd-resolved's stub) can be reached too. Nothing is allocated
// before the first query, and all is given back after a few seconds without one. At most kMaxForwarded
// queries are under way and kMaxConnections TCP connections open; who asks more has to ask again.
//
// Source: RFC 1035 (messages, 4.2.2: TCP), RFC 2308 (no data), RFC 6891 (EDNS), RFC 7766 (TCP).
#ifndef CORACLE_NETWORK_DNS_SERVER_H_
#define CORACLE_NETWORK_DNS_SERVER_H_

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/unique_fd.h"
#include "store/store.h"

namespace coracle::network {

struct DnsClient;

struct DnsSockets {
  os::UniqueFd udp, tcp;
};
// Sockets on kResolverAddress in the network namespace of the calling thread, whose lo comes up by it.
// `redirected`: on other ports, to which rules there lead what goes to 53, so that a server in the container
// may listen on port 53 of every address; on 53 itself where the kernel has no such rules. Errors: as
// socket(2) and bind(2).
absl::StatusOr<DnsSockets> BindDnsSockets(bool redirected);
// The same in the network namespace of `pid`: a child process makes them there.
absl::StatusOr<DnsSockets> OpenDnsSockets(pid_t pid, bool redirected);

struct DnsConfig {
  std::string container_id;  // whose published names (published_names.h) tell what it sees
  // --link: alias and the other container's id.
  std::vector<std::pair<std::string, std::string>> links = {};
  // --dns; empty: the networks' own, else those of the host's resolv.conf as it changes.
  std::vector<std::string> servers = {};
};

class DnsServer {
 public:
  // `store` outlives the server.
  DnsServer(const store::Store& store, DnsSockets sockets, DnsConfig config);
  ~DnsServer();
  DnsServer(DnsServer&&) = delete;
  // As NetworkSession: Dispatch gets what Prepare added.
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis);
  void Dispatch(const pollfd* polls, size_t count);

 private:
  struct Impl;
  void ReadDatagrams(int64_t now_millis);
  void SendDatagrams();
  void Handle(absl::string_view message, const DnsClient& client, int64_t now_millis);
  void Reply(const DnsClient& client, absl::string_view answer);
  const store::Store& store_;
  DnsSockets sockets_;
  DnsConfig config_;
  std::unique_ptr<Impl> impl_;  // null while nobody asks
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_DNS_SERVER_H_
