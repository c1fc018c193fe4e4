// Connections that we make for somebody else, in his name: the container sees who really asks.
//
// Such a socket has the client's address (ip(7), IP_TRANSPARENT) and a mark. The container's answers go to
// that address and so to us, by its default route; there they have to be taken as ours although the address
// is not. So the mark goes from the socket to its connection (conntrack), from that to each packet of it that
// comes in, and by the mark a packet is looked up in a routing table in which every address is local. Source:
// Documentation/networking/tproxy.rst.
#ifndef CORACLE_NETWORK_CLIENT_ADDRESS_H_
#define CORACLE_NETWORK_CLIENT_ADDRESS_H_

#include <sys/socket.h>

#include "absl/status/status.h"

namespace coracle::network {

// Rules and routes for it in the network namespace of the calling thread, which has to be ours alone. There
// already is fine. Errors: those of nf_tables and rtnetlink; without IPv6 none for that.
absl::Status KeepClientAddresses();

// The socket, not connected yet, gets the client's address. False: it can't, and stays as it is; also for
// addresses that no answer comes back to: those of loopback and of a link.
bool BindAsClient(int fd, const sockaddr* client, socklen_t size);

}  // namespace coracle::network

#endif  // CORACLE_NETWORK_CLIENT_ADDRESS_H_
