// Variables in a Dockerfile's words: $NAME, ${NAME} and its modifiers (:- - :+ + :? ? # ## % %% / //), quotes
// and escapes, as BuildKit reads them.
#ifndef CORACLE_BUILD_EXPAND_H_
#define CORACLE_BUILD_EXPAND_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

// The value of a variable, or nothing if it is not set.
using Lookup = absl::FunctionRef<std::optional<std::string>(absl::string_view name)>;

// Expansions that grow beyond this are refused.
inline constexpr size_t kMaxExpandedBytes = 4 << 20;

struct ExpandOptions {
  char escape = '\\';
  bool keep_quotes = false;    // quotes stay in the result
  bool keep_escapes = false;   // so does the escape character
  bool ignore_quotes = false;  // quotes are letters as others: the content of heredocs
  bool keep_unset = false;     // "$NAME" stays if it is not set
  // If given, gets the names that were asked for and are not set (without a modifier that gives a default),
  // and those that were set.
  std::vector<std::string>* unset = nullptr;
  std::vector<std::string>* used = nullptr;
};

// `text` as one word. Errors: InvalidArgument (bad substitution, missing quote, ${x:?message}, or too long).
absl::StatusOr<std::string> ExpandWord(absl::string_view text, Lookup lookup,
                                       const ExpandOptions& options = {});

// `text` split at blanks outside quotes, also at those that a variable brought.
absl::StatusOr<std::vector<std::string>> ExpandWords(absl::string_view text, Lookup lookup,
                                                     const ExpandOptions& options = {});

}  // namespace coracle::build

#endif  // CORACLE_BUILD_EXPAND_H_
