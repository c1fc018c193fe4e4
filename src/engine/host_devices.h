// Devices of the host that a container gets.
#ifndef CORACLE_ENGINE_HOST_DEVICES_H_
#define CORACLE_ENGINE_HOST_DEVICES_H_

#include "absl/status/status.h"
#include "engine/spec_builder.h"

namespace coracle::engine {

// Looks up what --device and the limits of devices name, and all of them for --privileged. Errors, exit code
// 125: errno of the path; InvalidArgument for one that is no device.
absl::Status AddDevices(const store::ContainerConfig& config, SpecInput& input);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_HOST_DEVICES_H_
