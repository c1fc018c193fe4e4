// Search in a registry: docker's first protocol, which hubs still answer, or the catalog of the second.
// Source: docker's "Docker Registry API v1", /v1/search; distribution's "Listing Repositories".
#ifndef CORACLE_REGISTRY_SEARCH_H_
#define CORACLE_REGISTRY_SEARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/client.h"

namespace coracle::registry {

struct SearchHit {
  std::string name;  // as the registry says it: "debian", "team/image"
  std::string description;
  int64_t stars = 0;
  bool official = false;
  bool automated = false;
};

inline constexpr size_t kMaxSearchAnswer = 8 << 20;

// The hits of an answer of /v1/search. Errors: InvalidArgument.
absl::StatusOr<std::vector<SearchHit>> ParseSearchAnswer(absl::string_view text);
// The repositories that have `term` in their name, one that equals it first.
std::vector<SearchHit> SearchCatalog(const std::vector<std::string>& repositories, absl::string_view term);

// At most `limit` hits, best first. `catalog` is asked if `search` has no search, or `term` is empty. They
// are the same registry, or, for docker.io, the two hosts that it has for this. Errors: of `catalog`.
absl::StatusOr<std::vector<SearchHit>> Search(Client& search, Client& catalog, absl::string_view term,
                                              size_t limit);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_SEARCH_H_
