// What a running container uses of the machine.
#ifndef CORACLE_ENGINE_STATS_H_
#define CORACLE_ENGINE_STATS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/engine.h"

namespace coracle::engine {

struct StatsSample {
  int64_t unix_nanos = 0;  // when it was taken
  uint64_t cpu_nanos = 0, cpu_system_nanos = 0;
  uint64_t memory_bytes = 0, memory_limit_bytes = 0;  // without cached files that can go at any time
  uint64_t pids = 0;
  uint64_t block_read_bytes = 0, block_write_bytes = 0;
  bool has_network = false;  // not with the host's network
  uint64_t net_input_bytes = 0, net_output_bytes = 0;
};

// From its cgroup and the interfaces in its network namespace. What no cgroup counts (none may be made, or a
// controller is missing) is summed up over the container's processes: there the time of those that have ended
// counts only if their parents were told, and nobody knows of disks. Errors: NotFound if it ended meanwhile.
absl::StatusOr<StatsSample> SampleStats(const ContainerView& view);

// Adds up the text of /proc/PID/net/dev, without the loopback interface.
void AddInterfaces(absl::string_view net_dev, StatsSample& sample);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_STATS_H_
