// The value of --publish, of --expose, and the argument of `port`.
#ifndef CORACLE_CLI_PUBLISH_SYNTAX_H_
#define CORACLE_CLI_PUBLISH_SYNTAX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/records.pb.h"

namespace coracle::cli {

struct PortRange {
  uint32_t first = 0, last = 0;  // 1 to 65535
};
// PORT or FIRST-LAST.
std::optional<PortRange> ParsePortRange(absl::string_view text);

// PORT[-PORT][/tcp|udp|sctp]
bool IsExposedPort(absl::string_view text);

// [[ADDRESS:][HOST]:]PORT[/PROTOCOL][,fd], where HOST and PORT are numbers or ranges of the same length and
// an IPv6 ADDRESS stands in brackets; several separated by commas. HOST missing or 0: a random port. An empty
// ADDRESS is every address. What comes back is whole: canonical address, count, protocol.
// Errors: InvalidArgument naming the option, exit code 125.
absl::StatusOr<std::vector<store::PortMapping>> ParsePublish(absl::string_view text);

// Errors: InvalidArgument if two of the mappings want the same port of the host.
absl::Status CheckPortsDiffer(const google::protobuf::RepeatedPtrField<store::PortMapping>& ports);

// "80" or "80/udp" of `port`; the protocol is tcp if none is given. Errors: InvalidArgument, exit code 125.
struct PortQuery {
  uint32_t port = 0;
  std::string protocol;
};
absl::StatusOr<PortQuery> ParsePortQuery(absl::string_view text);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_PUBLISH_SYNTAX_H_
