// The values of repeated --filter options.
#ifndef CORACLE_BASE_FILTER_H_
#define CORACLE_BASE_FILTER_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/json.h"

namespace coracle {

struct FilterTerm {
  std::string key;
  std::string value;
  bool negated = false;  // key!=value
};

// A parsed set of filters. Terms of the same key are alternatives, different keys must all hold; of "label"
// and "label!" every term must hold. Source: docker and podman ps(1), "--filter".
class Filters {
 public:
  Filters() = default;

  // `args` are "key=value" or "key!=value". Keys are compared without regard to case.
  // Errors: InvalidArgument for a term without '=', and for a key that is not in `known_keys`, naming those.
  static absl::StatusOr<Filters> Parse(absl::Span<const std::string> args,
                                       absl::Span<const absl::string_view> known_keys);

  bool empty() const { return terms_.empty(); }
  bool Has(absl::string_view key) const;
  // The values of the terms of `key` that are not negated, for keys whose value is not matched but used
  // ("since").
  std::vector<std::string> Values(absl::string_view key) const;

  // True if `key` has no terms, or one of them holds: `matches` of a plain term's value; a negated one holds
  // if it does not match, and every negated one must hold.
  bool Match(absl::string_view key, absl::FunctionRef<bool(absl::string_view value)> matches) const;
  // Match with equality.
  bool MatchValue(absl::string_view key, absl::string_view actual) const;
  // Match with the extended regular expression or plain substring of MatchesPattern.
  bool MatchPattern(absl::string_view key, absl::string_view actual) const;
  // True if each "label" term ("name" or "name=value", the name may end in '*') is among `labels`, an object
  // of strings or null, and none of the negated ones is.
  bool MatchLabels(const Json& labels, absl::string_view key = "label") const;

 private:
  std::vector<FilterTerm> terms_;
};

// True if the POSIX extended regular expression `pattern` is found in `text` (docker's name filter); a
// pattern that is no such expression, or longer than 256 bytes, is looked for as plain text.
bool MatchesPattern(absl::string_view pattern, absl::string_view text);

}  // namespace coracle

#endif  // CORACLE_BASE_FILTER_H_
