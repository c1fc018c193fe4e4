// The resolvers of the host, as /etc/resolv.conf names them, followed as it changes.
#ifndef CORACLE_NETWORK_HOST_RESOLVERS_H_
#define CORACLE_NETWORK_HOST_RESOLVERS_H_

#include <sys/socket.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace coracle::network {

struct DnsServerAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};
// "9.9.9.9", "2620:fe::fe", "fe80::1%eth0"; with "#5353" behind it for another port than 53. Empty if it is
// none.
std::optional<DnsServerAddress> ParseDnsServer(absl::string_view text);

// The servers of a resolv.conf, at most kMaxHostResolvers. Source: resolv.conf(5).
inline constexpr size_t kMaxHostResolvers = 8;
std::vector<std::string> ParseNameservers(absl::string_view text);

// In this process, all HostResolvers give `server` alone from now on: where the host's loopback is not to be
// reached, but somebody who asks for us. `server` lives as long as the process.
void AskOnly(const char* server);

class HostResolvers {
 public:
  explicit HostResolvers(std::string path = "/etc/resolv.conf") : path_(std::move(path)) {}
  // None in the file: the one of the host itself, as libc has it.
  const std::vector<DnsServerAddress>& Get();

 private:
  const std::string path_;
  struct stat seen_ = {};
  std::vector<DnsServerAddress> servers_;
};

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_HOST_RESOLVERS_H_
