// Capabilities and the seccomp filter of a container, as its options and our defaults give them.
#ifndef CORACLE_ENGINE_SECURITY_H_
#define CORACLE_ENGINE_SECURITY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "runtime/seccomp.h"
#include "store/store.h"

namespace coracle::engine {

struct Security {
  std::vector<std::string> capabilities;  // merged, "CAP_X"
  std::vector<std::string> added;         // of --cap-add by name
  std::optional<oci::Seccomp> profile;    // only if asked for, or if the filter had to be compiled
  std::optional<runtime::SeccompFilter> filter;
};

// The filter comes from the cache in the store where possible: a run must not pay for building the default
// profile. `want_profile`: the profile itself is needed too (an external runtime reads it from config.json).
absl::StatusOr<Security> ResolveSecurity(const store::Store& store, const store::ContainerConfig& config,
                                         bool want_profile);

// Whether the start of such a container leaves our own program out of its reach without a further step
// (runtime/handover.h): in a pid namespace of its own, without a security label, and without a filter of the
// user's, which may not know execveat(2).
bool StartsByHandover(const store::ContainerConfig& config);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_SECURITY_H_
