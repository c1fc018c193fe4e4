// Limits that a container has although nobody asked for them, as with podman: processes, and swap beside a
// limit of memory. They apply where their controller can be used.
#ifndef CORACLE_ENGINE_DEFAULT_LIMITS_H_
#define CORACLE_ENGINE_DEFAULT_LIMITS_H_

#include <cstdint>
#include <optional>

#include "store/records.pb.h"

namespace coracle::engine {

// Absent: the user gave one, or there is no cgroup.
std::optional<int64_t> DefaultPidsLimit(const store::ContainerConfig& config);
// Memory and swap together, in bytes: twice the memory. Absent: there is no limit of memory, or one of swap.
std::optional<int64_t> DefaultMemorySwap(const store::ContainerConfig& config);

// What is in force on this host, given or not; 0: no limit.
int64_t PidsLimitInForce(const store::ContainerConfig& config);
int64_t MemorySwapInForce(const store::ContainerConfig& config);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_DEFAULT_LIMITS_H_
