// "Did you mean": the known word nearest to a mistyped one.
#ifndef CORACLE_BASE_SUGGEST_H_
#define CORACLE_BASE_SUGGEST_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace coracle {

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string
// alignment). Words of more than 64 bytes are infinitely far.
size_t EditDistance(absl::string_view a, absl::string_view b);

// The nearest of `known`, if at most a third of the letters (at least one, at most 2 edits) differ or `word`
// is the beginning of it; else "".
absl::string_view Nearest(absl::string_view word, absl::Span<const absl::string_view> known);

}  // namespace coracle

#endif  // CORACLE_BASE_SUGGEST_H_
