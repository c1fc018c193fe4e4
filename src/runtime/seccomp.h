// seccomp filters from an OCI profile.
#ifndef CORACLE_RUNTIME_SECCOMP_H_
#define CORACLE_RUNTIME_SECCOMP_H_

#include <linux/filter.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"

namespace coracle::runtime {

struct SeccompFilter {
  std::vector<sock_filter> program;  // as libseccomp's binary tree; at most 32767 instructions
  unsigned flags = 0;                // SECCOMP_FILTER_FLAG_*
  bool has_notify = false;           // an action is SCMP_ACT_NOTIFY: the listener goes to listener_path
};

// Compiles `profile` with libseccomp, or reads the program from `cache_dir` (empty: no cache), where it lies
// by the SHA-256 of the profile's canonical form, the kernel's supported actions and our version. A damaged
// cache entry is ignored and replaced. System calls the library does not know are skipped, as runc does.
// Errors: InvalidArgument for an unknown action, operator or architecture.
absl::StatusOr<SeccompFilter> CompileSeccomp(const oci::Seccomp& profile, const std::string& cache_dir);

// Installs it on the calling thread. No allocation: called between clone and exec. Returns 0 or errno; with
// notify,
// `*listener_fd` gets the listener.
int InstallSeccomp(const SeccompFilter& filter, int* listener_fd);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_SECCOMP_H_
