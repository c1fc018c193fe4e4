// Queries passed on to other resolvers, and their answers passed back.
//
// Each is a socket of its own with a port of the kernel's choice and an id of ours, and an answer counts only
// if it comes from the server asked, with that id and question: who guesses has to hit both (RFC 5452).
// Servers are asked in order; one that refuses, fails or is silent for kTryMillis makes way for the next, in
// two rounds. Asked by TCP, we ask by TCP.
#ifndef CORACLE_NETWORK_DNS_FORWARD_H_
#define CORACLE_NETWORK_DNS_FORWARD_H_

#include <netinet/in.h>
#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "network/host_resolvers.h"
#include "os/unique_fd.h"

namespace coracle::network {

inline constexpr size_t kMaxForwarded = 64;

// Whom an answer goes to: a datagram's sender, or a TCP connection by its number.
struct DnsClient {
  sockaddr_in peer = {};
  uint64_t connection = 0;  // 0: UDP
  size_t payload = 512;     // what an answer by UDP may have
};

class DnsForwarder {
 public:
  DnsForwarder();
  ~DnsForwarder();
  // Gets the client, and the answer with the id it expects; empty if no server gave one.
  using Done =
      std::function<void(const DnsClient& client, absl::string_view query, absl::string_view answer)>;

  // Asks for a client. False if too many queries are under way, or there is no server.
  bool Ask(absl::string_view query, const DnsClient& client, const std::vector<DnsServerAddress>& servers,
           int64_t now_millis);
  void Prepare(std::vector<pollfd>* polls, int* timeout_millis, int64_t now_millis);
  // `polls` is what Prepare added.
  void Dispatch(const pollfd* polls, size_t count, int64_t now_millis, const Done& done);
  // Forgets what it asks for that connection.
  void Drop(uint64_t connection);
  bool idle() const { return exchanges_.empty(); }

 private:
  struct Exchange;
  enum class Step { kGoOn, kNextServer, kAnswered };
  static bool Begin(Exchange* exchange, int64_t now_millis);
  static Step Read(Exchange* exchange);
  static Step ReadStream(Exchange* exchange);
  static Step WriteStream(Exchange* exchange);
  static Step Judge(Exchange* exchange, absl::string_view answer);

  std::vector<std::unique_ptr<Exchange>> exchanges_;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_DNS_FORWARD_H_
