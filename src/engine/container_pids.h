// The processes of a container, in the host's numbers.
#ifndef CORACLE_ENGINE_CONTAINER_PIDS_H_
#define CORACLE_ENGINE_CONTAINER_PIDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/engine.h"

namespace coracle::engine {

// Those in the container's cgroup; without one, those in its pid namespace.
absl::StatusOr<std::vector<int32_t>> PidsOf(const ContainerView& view);

// The fields of /proc/PID/stat from the third on ("state" is [0]), and the process's name. Errors: NotFound
// if it has ended.
struct ProcessStat {
  std::string comm;
  std::vector<std::string> fields;
};
absl::StatusOr<ProcessStat> ReadProcessStat(int pid);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CONTAINER_PIDS_H_
