// Limits of an OCI config as writes to cgroup control files: pure, so that every conversion is tested as
// data.
//
// Source: runtime-spec config-linux.md "Control groups"; Documentation/admin-guide/cgroup-v1 and
// cgroup-v2.rst.
#ifndef CORACLE_RUNTIME_CGROUP_PLAN_H_
#define CORACLE_RUNTIME_CGROUP_PLAN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"

namespace coracle::runtime {

struct CgroupWrite {
  std::string controller;  // whose hierarchy the file lies in: "memory"; of v2 "io", not "blkio"
  std::string file;        // "memory.max"
  std::string value;
  bool v2 = false;
  std::string option;  // what asked for it, for messages: "--memory"
  // Where `file` does not exist, this one is tried with `fallback_value` (io.bfq.weight, then io.weight).
  std::string fallback_file, fallback_value;
  bool optional = false;  // a missing file is fine (hugetlb's rsvd files)
  bool retry = false;     // EINVAL may come from the order of two limits: tried again after all others

  bool operator==(const CgroupWrite&) const = default;
};

// Where a controller is: v1, v2 or nowhere that this process can use. "cgroup" stands for the v2 tree itself,
// whose files (cgroup.max.depth) need no controller.
enum class ControllerPlace { kNone, kV1, kV2 };
using FindController = std::function<ControllerPlace(absl::string_view controller)>;

// What is set now, where the order or value of a write depends on it. The defaults are those of a new cgroup.
struct CurrentLimits {
  std::optional<uint64_t> v1_memsw;  // bytes; absent: unlimited
  std::string v2_cpu_quota = "max";  // first field of cpu.max
};

// The writes for `resources`, in order. Device rules are not part of it (cgroup_devices.h).
// A value that means "unlimited" is left out where its controller is missing.
// Errors: FailedPrecondition "cgroup controller 'memory' is not available: cannot apply --memory" for a limit
// whose controller is nowhere, or that this version of cgroups does not have; InvalidArgument for a value out
// of range.
absl::StatusOr<std::vector<CgroupWrite>> PlanCgroup(const oci::Resources& resources,
                                                    const FindController& find,
                                                    const CurrentLimits& current = {});

// cpu.shares (2 to 262144) as cpu.weight (1 to 10000), and blkio weight (10 to 1000) as io.weight (1 to
// 10000).
uint64_t CpuWeightOfShares(uint64_t shares);
uint64_t IoWeightOfBlkioWeight(uint64_t weight);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_PLAN_H_
