// What listings and inspect say about a volume, and which volumes --filter means.
#ifndef CORACLE_CLI_VOLUME_JSON_H_
#define CORACLE_CLI_VOLUME_JSON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/filter.h"
#include "base/json.h"
#include "engine/engine.h"
#include "store/volume.h"

namespace coracle::cli {

// How many containers mount each volume.
using VolumeUse = std::map<std::string, int>;
absl::StatusOr<VolumeUse> CountVolumeUse(engine::Engine& engine);

// podman's object.
Json VolumeJson(const store::Store& store, const store::VolumeRecord& record, const VolumeUse& use);

class VolumeFilter {
 public:
  // `keys`: those that the command knows. Errors: InvalidArgument, exit code 125.
  static absl::StatusOr<VolumeFilter> Parse(engine::Engine& engine, const std::vector<std::string>& terms,
                                            absl::Span<const absl::string_view> keys);
  bool Matches(const store::VolumeRecord& record, const VolumeUse& use) const;

 private:
  Filters filters_;
  std::optional<int64_t> before_, after_;  // creation, Unix nanoseconds
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_VOLUME_JSON_H_
