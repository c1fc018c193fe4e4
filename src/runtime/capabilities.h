// The five capability sets of a process, planned before the clone and applied between clone and exec.
// Source: capabilities(7); runtime-spec config.md "capabilities".
#ifndef CORACLE_RUNTIME_CAPABILITIES_H_
#define CORACLE_RUNTIME_CAPABILITIES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"

namespace coracle::runtime {

// One bit a capability, CAP_CHOWN is bit 0.
struct CapabilitySets {
  uint64_t bounding = 0, effective = 0, inheritable = 0, permitted = 0, ambient = 0;
};

// The names as bits. A well-formed name that nobody knows ("CAP_NEWER") counts nothing, as in runc.
// Errors: InvalidArgument for a name that is not of the form CAP_NAME, naming the set.
absl::StatusOr<CapabilitySets> PlanCapabilities(const oci::Capabilities& capabilities);

// The two steps, both without allocation: the bounding set while CAP_SETPCAP is still effective, the others
// after the change of user (under PR_SET_KEEPCAPS). Return 0 or errno.
//
// A capability that the kernel does not have, or that we do not have ourselves (a nested or trimmed root), is
// left out without an error: a container gets at most what its creator has.
int DropBounding(const CapabilitySets& sets);
int ApplyCapabilities(const CapabilitySets& sets);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CAPABILITIES_H_
