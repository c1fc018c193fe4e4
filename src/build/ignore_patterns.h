// .dockerignore and .containerignore: which files of a context are not there for a build. The same lists,
// without a file, are COPY --exclude and (what is taken) COPY --parents. Source:
// docs.docker.com/build/concepts/context, "dockerignore files"; BuildKit's pattern matcher.
#ifndef CORACLE_BUILD_IGNORE_PATTERNS_H_
#define CORACLE_BUILD_IGNORE_PATTERNS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "build/path_pattern.h"

namespace coracle::build {

// Patterns in order; the last that matches a path or a directory above it decides. "!" in front takes back.
class IgnorePatterns {
 public:
  IgnorePatterns() = default;
  // The lines of a file: "#" begins a comment, blanks around and slashes at either end don't count. Errors:
  // InvalidArgument naming the line.
  static absl::StatusOr<IgnorePatterns> ParseFile(absl::string_view name, absl::string_view text);
  static absl::StatusOr<IgnorePatterns> Make(absl::Span<const std::string> patterns);

  bool empty() const { return rows_.empty(); }
  // Whether any pattern begins with "!".
  bool takes_back() const;

  // Which patterns matched a directory: given to the questions about what lies in it.
  using Above = std::vector<bool>;
  // Whether `path` (clean, relative) is ignored. `above`: of its directory, empty at the top. `matched`, if
  // given, gets its own.
  bool Ignores(absl::string_view path, const Above& above, Above* matched) const;
  // The same from the path alone.
  bool Ignores(absl::string_view path) const;
  // Whether something below the ignored directory `path` may be taken back, so that it has to be walked.
  bool MayTakeBackBelow(absl::string_view path) const;

 private:
  struct Row {
    PathPattern pattern;
    bool takes_back = false;
  };
  absl::Status Add(absl::string_view pattern);

  std::vector<Row> rows_;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_IGNORE_PATTERNS_H_
