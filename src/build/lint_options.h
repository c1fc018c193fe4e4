// What "# check=" and its kin ask of the checks.
#ifndef CORACLE_BUILD_LINT_OPTIONS_H_
#define CORACLE_BUILD_LINT_OPTIONS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

struct LintOptions {
  bool skip_all = false;
  std::set<std::string> skip;
  bool experimental_all = false;
  std::set<std::string> experimental;
  bool error = false;  // findings make the check fail

  // "skip=A,B;error=true;experimental=all"; "" is none of it. Errors: InvalidArgument.
  static absl::StatusOr<LintOptions> Parse(absl::string_view text);
  // What a comment directly above an instruction ("# check=skip=A") adds to it.
  LintOptions With(const std::vector<std::string>& comments) const;

  bool Wants(absl::string_view rule, bool is_experimental) const;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_LINT_OPTIONS_H_
