// Shell patterns inside ${NAME#pattern} and its kin: "*" and "?", nothing else.
#ifndef CORACLE_BUILD_GLOB_MATCH_H_
#define CORACLE_BUILD_GLOB_MATCH_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

// "*" is any text without a newline, "?" one such character; "\*", "\?" and "\\" stand for themselves, "\}"
// and
// "\/" too. Errors of all: InvalidArgument for another "\x" or if matching would take too long.

// `value` without the shortest (`longest`: longest) beginning that `pattern` matches.
absl::StatusOr<std::string> WithoutPrefix(absl::string_view value, absl::string_view pattern, bool longest);
// The same at its end.
absl::StatusOr<std::string> WithoutSuffix(absl::string_view value, absl::string_view pattern, bool longest);
// The first (`all`: each) longest match replaced by `replacement`.
absl::StatusOr<std::string> ReplaceMatches(absl::string_view value, absl::string_view pattern,
                                           absl::string_view replacement, bool all);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_GLOB_MATCH_H_
