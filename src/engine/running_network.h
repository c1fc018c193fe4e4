// Changes to the network of a container that runs.
#ifndef CORACLE_ENGINE_RUNNING_NETWORK_H_
#define CORACLE_ENGINE_RUNNING_NETWORK_H_

#include "absl/status/status.h"
#include "engine/engine.h"
#include "store/network.h"

namespace coracle::engine {

// Puts the running container on the network, or takes it off: link, address, names, and what its state says
// of it. The caller holds its op lock; its record says so already, or says so afterwards. Nothing is changed
// on error.
absl::Status ConnectRunning(Engine& engine, const ContainerView& view, const store::NetworkRecord& network,
                            const store::NetworkAttachment& attachment);
absl::Status DisconnectRunning(Engine& engine, const ContainerView& view,
                               const store::NetworkRecord& network);

// Others find the running container by its new name, and by the old one no more. `view.record` has the new
// one.
absl::Status RenameRunning(Engine& engine, const ContainerView& view);

// `network reload`: makes the rules of the container's networks and ports again, which another program has
// removed.
absl::Status ReloadRunning(Engine& engine, const ContainerView& view);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_RUNNING_NETWORK_H_
