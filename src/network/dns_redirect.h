// A resolver beside a container's own DNS server.
#ifndef CORACLE_NETWORK_DNS_REDIRECT_H_
#define CORACLE_NETWORK_DNS_REDIRECT_H_

#include <cstdint>

#include "absl/status/status.h"

namespace coracle::network {

// In the network namespace of the calling thread, what goes to kResolverAddress, port 53, arrives at these
// ports there: so that port 53 is free for a server that listens on every address. Errors: those of
// nf_tables.
absl::Status RedirectDns(uint16_t udp_port, uint16_t tcp_port);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_DNS_REDIRECT_H_
