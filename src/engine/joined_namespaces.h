// Namespaces that a container, or a step of a build, shares with others: container:ID and ns:PATH.
#ifndef CORACLE_ENGINE_JOINED_NAMESPACES_H_
#define CORACLE_ENGINE_JOINED_NAMESPACES_H_

#include "absl/status/status.h"
#include "engine/engine.h"
#include "engine/spec_builder.h"

namespace coracle::engine {

// Where they are, for the specification. Errors: FailedPrecondition (exit code 125) for a container that does
// not run; of finding it.
absl::Status AddNamespaces(Engine& engine, const store::ContainerConfig& config, SpecInput& input);

// Who is in the network of another container has its hosts and resolv.conf too.
absl::Status ShareNameFiles(Engine& engine, const store::ContainerConfig& config, SpecInput& input);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_JOINED_NAMESPACES_H_
