// Device access of a container: the rule list of the config for cgroup v1's devices files and for v2's BPF
// filter.
//
// Rules apply in order, the last that matches decides; what no rule names is allowed (as in a new v1 cgroup),
// which is why every engine's list begins with "deny all". An empty list asks for nothing. Source:
// runtime-spec config-linux.md "Allowed Device list"; Documentation/admin-guide/cgroup-v1/devices.rst;
// security/device_cgroup.c; kernel/bpf/cgroup.c (struct bpf_cgroup_dev_ctx).
#ifndef CORACLE_RUNTIME_CGROUP_DEVICES_H_
#define CORACLE_RUNTIME_CGROUP_DEVICES_H_

#include <linux/bpf.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"

namespace coracle::runtime {

// `rules` followed by those that every container gets (config-linux.md "Default Devices", mknod of any node
// as in runc); empty stays empty.
std::vector<oci::DeviceCgroupRule> WithDefaultDevices(std::vector<oci::DeviceCgroupRule> rules);

struct DeviceWrite {
  bool allow = false;  // devices.allow, else devices.deny
  std::string value;   // "c 1:3 rwm" or "a"
  bool operator==(const DeviceWrite&) const = default;
};

// The writes that turn a v1 cgroup whose devices.list reads `current` into one with `rules`, without a moment
// in which more is allowed than before or after. Errors: FailedPrecondition for a rule that takes away a part
// of a wider one, which v1's exception list cannot say; InvalidArgument for a malformed rule.
absl::StatusOr<std::vector<DeviceWrite>> PlanDevicesV1(const std::vector<oci::DeviceCgroupRule>& rules,
                                                       absl::string_view current);

// The v2 filter: exact, also where one rule takes away a part of another.
// Errors: InvalidArgument for a malformed rule or more than 4096 of them.
absl::StatusOr<std::vector<bpf_insn>> BuildDeviceProgram(const std::vector<oci::DeviceCgroupRule>& rules);

// Attaches `program` to the v2 cgroup open as `cgroup_fd`, in place of whatever device programs are attached
// to it. Errors: errno of bpf(2) with the step.
absl::Status AttachDeviceProgram(int cgroup_fd, const std::vector<bpf_insn>& program);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_DEVICES_H_
