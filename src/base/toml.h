// TOML documents as Json: toml11 behind one adapter, so that nothing outside toml.cc meets an exception.
// Source: TOML 1.0.0.
#ifndef CORACLE_BASE_TOML_H_
#define CORACLE_BASE_TOML_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json.h"

namespace coracle {

inline constexpr size_t kMaxTomlBytes = 1 << 20;
// Tables and arrays deeper than this, counting the dots of one key, are refused, so that no reader recurses
// further.
inline constexpr int kMaxTomlDepth = 32;

// The table of `text` as an object whose keys are sorted; dates and times become strings. Errors:
// InvalidArgument "malformed TOML in line N", also for a table or key that is defined twice, and for what is
// deeper, longer or has more members (kMaxJsonMembers) than the limits allow.
absl::StatusOr<Json> ParseToml(absl::string_view text);

}  // namespace coracle

#endif  // CORACLE_BASE_TOML_H_
