// Names and bit numbers of Linux capabilities, and what --cap-add and --cap-drop make of a set.
// Source: capabilities(7); include/uapi/linux/capability.h.
#ifndef CORACLE_OCI_CAPABILITY_NAMES_H_
#define CORACLE_OCI_CAPABILITY_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace coracle::oci {

inline constexpr int kCapabilityCount = 41;  // CAP_CHOWN = 0 ... CAP_CHECKPOINT_RESTORE = 40

// "CAP_CHOWN"; `bit` is from 0 to kCapabilityCount - 1.
absl::string_view CapabilityName(int bit);
// The bit of exactly "CAP_CHOWN", or nothing.
std::optional<int> CapabilityBit(absl::string_view name);
// All of them, sorted by name.
std::vector<std::string> AllCapabilities();
// The bits of the names in `names`; names that are unknown count nothing.
uint64_t CapabilityMask(absl::Span<const std::string> names);

// "chown", "CHOWN", "cap_chown" and "CAP_CHOWN" all give "CAP_CHOWN"; "all" gives "ALL".
// Errors: InvalidArgument "unknown capability "X"".
absl::StatusOr<std::string> NormalizeCapability(absl::string_view name);

// The set that starts from `base` (from everything if `privileged`), with `add` and without `drop`, sorted by
// name. ALL in `drop` empties the base first; ALL in `add` is everything but what is dropped by name. Errors:
// InvalidArgument for an unknown name, one that is both added and dropped, or ALL in both.
absl::StatusOr<std::vector<std::string>> MergeCapabilities(absl::Span<const std::string> base,
                                                           absl::Span<const std::string> add,
                                                           absl::Span<const std::string> drop,
                                                           bool privileged);

}  // namespace coracle::oci

#endif  // CORACLE_OCI_CAPABILITY_NAMES_H_
