// seccomp profiles in the form that docker and podman share, resolved for one container; and the default
// profile.
//
// A profile file has rules that apply only with or without certain capabilities, on certain architectures, or
// from some kernel version on ("includes", "excludes"), and a map of native to compatible architectures
// ("archMap"). Resolving leaves the plain linux.seccomp of the runtime-spec, which such a file may be as
// well.
#ifndef CORACLE_OCI_SECCOMP_PROFILE_H_
#define CORACLE_OCI_SECCOMP_PROFILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "oci/runtime_spec.h"

namespace coracle::oci {

inline constexpr size_t kMaxSeccompProfileBytes = 4 << 20;

struct KernelVersion {
  int major = 0;
  int minor = 0;
};

// Reads the profile `json` for a container with the bounding set `capabilities` ("CAP_CHOWN") on the
// architecture `arch`, named as images name it ("amd64"). Errors: InvalidArgument naming the member.
absl::StatusOr<Seccomp> ParseSeccompProfile(absl::string_view json,
                                            absl::Span<const std::string> capabilities,
                                            absl::string_view arch, KernelVersion kernel);

// The default profile. Costs about a millisecond: first look for the compiled filter by DefaultSeccompKey.
Seccomp DefaultSeccomp(absl::Span<const std::string> capabilities, absl::string_view arch,
                       KernelVersion kernel);

// A short file name that stands for exactly one result of DefaultSeccomp, without building it: the same key
// is the same filter, also in another version of this program. Costs about a microsecond.
std::string DefaultSeccompKey(absl::Span<const std::string> capabilities, absl::string_view arch,
                              KernelVersion kernel);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_SECCOMP_PROFILE_H_
