// The text of a RUN --mount before its variables are known.
#ifndef CORACLE_BUILD_RUN_MOUNT_H_
#define CORACLE_BUILD_RUN_MOUNT_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

// `text` with `word` applied to each option's value. Errors: those of `word`; InvalidArgument for a variable
// in from=, which decides what is built before any value is known.
absl::StatusOr<std::string> ExpandMount(
    absl::string_view text, absl::FunctionRef<absl::StatusOr<std::string>(absl::string_view)> word);

// The value of from= in `text`, "" without one. Errors: as ExpandMount.
absl::StatusOr<std::string> FromOfMount(absl::string_view text);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_RUN_MOUNT_H_
