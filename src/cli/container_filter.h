// --filter of everything that lists or selects containers.
#ifndef CORACLE_CLI_CONTAINER_FILTER_H_
#define CORACLE_CLI_CONTAINER_FILTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/filter.h"
#include "engine/engine.h"

namespace coracle::cli {

class ContainerFilter {
 public:
  // Keys: ancestor, before, command, exited, id, label, name, network, restart-policy, since, status, until.
  // Errors: InvalidArgument for an unknown key or a value that means nothing; NotFound where before or since
  // name no container. Exit code 125.
  static absl::StatusOr<ContainerFilter> Parse(engine::Engine& engine, const std::vector<std::string>& terms);

  bool Matches(const engine::ContainerView& view) const;
  // Whether a status is asked for: then `ps` looks at all containers, running or not.
  bool MentionsStatus() const { return filters_.Has("status") || filters_.Has("exited"); }

 private:
  Filters filters_;
  std::optional<int64_t> created_before_, created_after_;  // Unix nanoseconds
  std::vector<std::string> ancestor_ids_;
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_CONTAINER_FILTER_H_
