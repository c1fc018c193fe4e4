// The bridges of an ordinary user lie in one network namespace of his own, whose way out is pasta.
//
// A process, the keeper, has that namespace and pasta, and answers there for the host's resolvers, since the
// host's loopback can't be reached from it. It is made by the first container that needs it and ends with the
// last: everyone who uses the namespace holds the writing end of a pipe, and a killed one lets go of it too.
// Monitors live in the namespace from their container's first connection on (coming back would take a
// privilege over the host's); sockets that hold published ports are made before, on the host.
//
// In <runroot>/rootless-net: lock, users (the pipe), keeper (its pid, start time, descriptor of the
// namespace, and the host's address). The lock comes after all others.
#ifndef CORACLE_ENGINE_SHARED_NETWORK_H_
#define CORACLE_ENGINE_SHARED_NETWORK_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/bridge_network.h"
#include "os/unique_fd.h"
#include "store/store.h"

namespace coracle::engine {

// Whether bridges are made there, and not in the namespace of this process: not for root, nor for who is root
// of a user namespace with a network of its own (in a container of another engine).
bool UsesSharedNetwork();

// The container's networks are to be connected there: changes `network`, for a monitor that is still to be
// forked; makes namespace and keeper if they are not there. Errors, exit code 125: as network::StartUserNet;
// Unimplemented for networks that are not bridges.
absl::Status MoveToSharedNetwork(const store::Store& store, const store::ContainerRecord& record,
                                 BridgeNetwork& network);

// This process is there from now on. False if there is none: nobody has a bridge then. True, without doing
// anything, where UsesSharedNetwork() is false.
absl::StatusOr<bool> EnterSharedNetwork(const store::Store& store);

// This process is there from now on, made if it was not there, which it stays as long as the descriptor is
// open. Errors as MoveToSharedNetwork.
absl::StatusOr<os::UniqueFd> UseSharedNetwork(const store::Store& store);

// The keeper, whose user namespace all that use its network have to be in; pid -1: there is none.
struct SharedNetworkKeeper {
  pid_t pid = -1;
  uint64_t start_time = 0;
};
SharedNetworkKeeper FindSharedNetworkKeeper(const store::Store& store);

// Of the host, as containers there reach it; empty: not at all.
std::string SharedNetworkHostAddress(const store::Store& store);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_SHARED_NETWORK_H_
