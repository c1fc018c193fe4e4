// seccomp filters from an OCI profile.
#ifndef CORACLE_RUNTIME_SECCOMP_H_
#define CORACLE_RUNTIME_SECCOMP_H_

#include <linux/filter.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"

namespace coracle::runtime {

struct SeccompFilter {
  std::vector<sock_filter> program;  // as libseccomp's binary tree; at most 4096 instructions
  unsigned flags = 0;                // SECCOMP_FILTER_FLAG_*
  bool has_notify = false;           // an action is SCMP_ACT_NOTIFY: the listener goes to listener_path
};

// Compiles `profile` with libseccomp, or reads the program from `cache_dir` (empty: no cache), where it lies
// by the SHA-256 of the profile's canonical form, the kernel's supported actions and our version. A damaged
// cache entry is ignored and replaced. System calls the library does not know are skipped, as runc does.
// Calls newer than the profile answer ENOSYS (seccomp_enosys.h). Without flags: SPEC_ALLOW.
// Errors: InvalidArgument for an unknown action, operator, flag or architecture.
absl::StatusOr<SeccompFilter> CompileSeccomp(const oci::Seccomp& profile, const std::string& cache_dir);

// The same without looking at a cache.
absl::StatusOr<SeccompFilter> CompileSeccompUncached(const oci::Seccomp& profile);

// A filter by a name that the caller gives ("default-1 <capabilities>"), so that a hit needs no profile at
// all. The caller's key must change whenever the profile it stands for does; library and kernel are part of
// the key here.
std::optional<SeccompFilter> CachedSeccomp(const std::string& cache_dir, absl::string_view key);
// Compiles `profile` and keeps it in `cache_dir` under `key`. An unwritable cache is no error.
absl::StatusOr<SeccompFilter> CompileSeccompAs(const oci::Seccomp& profile, const std::string& cache_dir,
                                               absl::string_view key);

// Installs it on the calling thread. No allocation: called between clone and exec. Returns 0 or errno; with
// notify,
// `*listener_fd` gets the listener.
int InstallSeccomp(const SeccompFilter& filter, int* listener_fd);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_SECCOMP_H_
