// What listings and inspect say about a network, and which networks --filter means.
#ifndef CORACLE_CLI_NETWORK_JSON_H_
#define CORACLE_CLI_NETWORK_JSON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/filter.h"
#include "base/json.h"
#include "engine/engine.h"
#include "store/network.h"

namespace coracle::cli {

// The containers of each network by name: all of them, running or not.
using NetworkUse = std::map<std::string, std::vector<const engine::ContainerView*>>;
NetworkUse UseOfNetworks(const std::vector<engine::ContainerView>& views);

// The members of podman's object and, spelled with capitals, those of docker's.
Json NetworkJson(const store::NetworkRecord& record, const std::vector<const engine::ContainerView*>& users);
// Adds the names by which templates of podman call the members.
void AddTemplateNames(const store::NetworkRecord& record, Json& json);

class NetworkFilter {
 public:
  // `keys`: those that the command knows. Errors: InvalidArgument, exit code 125.
  static absl::StatusOr<NetworkFilter> Parse(const std::vector<std::string>& terms,
                                             absl::Span<const absl::string_view> keys);
  bool Matches(const store::NetworkRecord& record, bool in_use) const;

 private:
  Filters filters_;
  std::optional<int64_t> before_;  // creation, Unix nanoseconds
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_NETWORK_JSON_H_
