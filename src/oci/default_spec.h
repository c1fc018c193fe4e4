// The configurations that containers start from.
#ifndef CORACLE_OCI_DEFAULT_SPEC_H_
#define CORACLE_OCI_DEFAULT_SPEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "oci/runtime_spec.h"

namespace coracle::oci {

inline constexpr char kDefaultPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Sorted by name.
std::vector<std::string> DefaultCapabilities();
std::vector<std::string> DefaultMaskedPaths();
std::vector<std::string> DefaultReadonlyPaths();
// proc, tmpfs on /dev, devpts, mqueue, shm (64 MiB), sysfs (read-only), cgroup (read-only).
std::vector<Mount> DefaultMounts();
// The five capability sets of a process that gets `names`: bounding, permitted and effective. Inheritable and
// ambient stay empty, so that an exec by another user regains nothing.
Capabilities CapabilitySets(const std::vector<std::string>& names);

// What the engine starts from: new pid, network, ipc, uts, mount and cgroup namespaces, the defaults above,
// every device denied (the runtime allows the ones it must make), root at uid 0, PATH in the environment. No
// root path, no args, no seccomp filter: the engine adds those.
Spec DefaultSpec();

// What `coracle oci spec` prints: DefaultSpec with `sh` in a read-only `rootfs` on a terminal.
Spec ExampleSpec();
// The same for a user without privileges, `uid` and `gid` of whom become root in a new user namespace: no new
// network namespace, /sys bound from the host, no cgroup limits, no options that need another id to be
// mapped.
Spec RootlessExampleSpec(uint32_t uid, uint32_t gid);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_DEFAULT_SPEC_H_
