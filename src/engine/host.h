// What this process may do on this host, probed once and only when asked.
#ifndef CORACLE_ENGINE_HOST_H_
#define CORACLE_ENGINE_HOST_H_

#include <cstdint>
#include <string>

namespace coracle::engine {

struct HostFacts {
  bool user_namespace = false;  // we run in a user namespace of our own (rootless, or a container)
  uint64_t mapped_gids = 0;     // how many group ids exist here; 1 where the user has no subordinate ids
  uint64_t nofile_hard = 0;     // our own hard limits, which nobody here can raise
  uint64_t nproc_hard = 0;
  bool may_raise_limits = false;  // CAP_SYS_RESOURCE in the initial user namespace
};

// Reads /proc/self/uid_map and friends; never fails: what can't be read counts as not there.
HostFacts ProbeHost();

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_HOST_H_
