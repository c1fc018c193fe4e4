// One value of --network.
#ifndef CORACLE_CLI_NETWORK_SYNTAX_H_
#define CORACLE_CLI_NETWORK_SYNTAX_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/records.pb.h"

namespace coracle::cli {

struct NetworkChoice {
  // bridge (`attachment` is what is asked of a network of the store), none, host, container:ID, ns:PATH,
  // pasta, slirp4netns; empty: the default.
  std::string mode;
  store::NetworkAttachment attachment;  // its network_name as given
  std::vector<std::string> options;     // of pasta and slirp4netns
};

// MODE | NAME[:OPTION,...] with podman's options (ip=, ip6=, mac=, alias=, interface_name=), or docker's
// name=NAME,alias=...,ip=...,ip6=...,mac-address=...; pasta[:OPTION,...], slirp4netns[:OPTION,...].
// Errors: InvalidArgument or Unimplemented naming the option, exit code 125.
absl::StatusOr<NetworkChoice> ParseNetworkOption(absl::string_view text);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_NETWORK_SYNTAX_H_
