// ENOSYS for system calls that are newer than a seccomp profile.
//
// A profile that lists what is allowed and answers EPERM to all else breaks programs on kernels newer than
// itself: libc tries a new call first and falls back to the old one only on ENOSYS. runc (since 1.0.0-rc93)
// therefore answers ENOSYS to every call number above the highest one that the profile names, on each
// architecture; so do we. Calls in between that the profile leaves out keep its default answer. Only for a
// default of SCMP_ACT_ERRNO that is not ENOSYS already: who asks for a kill gets a kill.
#ifndef CORACLE_RUNTIME_SECCOMP_ENOSYS_H_
#define CORACLE_RUNTIME_SECCOMP_ENOSYS_H_

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "oci/runtime_spec.h"

namespace coracle::runtime {

// Puts the test in front of `program`. `architectures` are libseccomp's tokens (SCMP_ARCH_*).
void PrependEnosys(const oci::Seccomp& profile, absl::Span<const uint32_t> architectures,
                   std::vector<sock_filter>* program);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_SECCOMP_ENOSYS_H_
