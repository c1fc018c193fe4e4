// Which OCI runtime runs a container.
#ifndef CORACLE_ENGINE_OCI_RUNTIME_H_
#define CORACLE_ENGINE_OCI_RUNTIME_H_

#include <string>

#include "absl/status/statusor.h"

namespace coracle::engine {

// The built-in one's name; so is the empty one.
inline constexpr char kBuiltInRuntime[] = "coracle";

// The absolute path of the OCI runtime `name` (in PATH, or a path); empty for the built-in one. Errors:
// NotFound, with exit code 125, if it is not there or not executable.
absl::StatusOr<std::string> ResolveRuntime(const std::string& name);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_OCI_RUNTIME_H_
