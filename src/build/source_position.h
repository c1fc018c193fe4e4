// Where in a Dockerfile something stands, and errors that know it.
#ifndef CORACLE_BUILD_SOURCE_POSITION_H_
#define CORACLE_BUILD_SOURCE_POSITION_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace coracle::build {

// Lines of a Dockerfile, counted from 1, both included. 0: nowhere.
struct Lines {
  int first = 0;
  int last = 0;
};

// A copy of `status` that says it is about `lines`; one that says so already keeps its own. OK stays OK.
absl::Status AtLines(absl::Status status, Lines lines);
// The lines `status` is about, or nothing.
std::optional<Lines> LinesOf(const absl::Status& status);

// The lines of `text` around `lines` with numbers, each wanted line marked by ">>>", in a frame under
// "<file>:<first line>". Control characters are escaped, and very long lines cut. "" if `lines` are nowhere.
std::string SourceExcerpt(absl::string_view file, absl::string_view text, Lines lines);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_SOURCE_POSITION_H_
