// The files that one source of COPY or ADD names, found below a root that they can't lead out of.
//
// A source is a path or has wildcards ("*", "?", "[...]" in the manner of filepath.Match). It is followed if
// it is a link; links below a directory are copied as links. What an ignore file leaves out is not there at
// all.
#ifndef CORACLE_BUILD_SOURCE_WALK_H_
#define CORACLE_BUILD_SOURCE_WALK_H_

#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/ignore_patterns.h"

namespace coracle::build {

// A file, link, node or directory that is copied. Sockets are none: no archive holds them.
struct SourceItem {
  std::string from;  // below the root, without links on the way
  std::string to;    // below the destination; empty: the destination itself
  struct stat info = {};
};

// What one path gave; a wildcard gives any number of them. Directories come before what is in them, names in
// order of their bytes.
struct FoundSource {
  std::vector<SourceItem> items;
  bool is_directory = false;  // its content is copied; items[0] is itself, but for --parents
  std::string name;           // the last part of its path
};

struct SourceQuery {
  const IgnorePatterns* ignore = nullptr;   // of a context
  const IgnorePatterns* exclude = nullptr;  // --exclude: relative to a directory source, or a file's name
  // --parents: the source's directories, those behind "/./" if there is one, are kept; "**" matches any
  // depth.
  bool parents = false;
  bool literal = false;                           // no wildcards: the source is a path as it stands
  absl::string_view where = "the build context";  // for messages
};

// Errors: NotFound for a path without wildcards that is not there (a hint names a near one, or that it is
// ignored); FailedPrecondition for a loop of links; InvalidArgument for a bad pattern or a socket; errno of
// the reading. Nothing is opened but directories.
absl::StatusOr<std::vector<FoundSource>> FindSources(int root, absl::string_view source,
                                                     const SourceQuery& query);

// Where `path` leads below `root`, links followed inside it, as a clean relative path ("" the root). Errors:
// NotFound (the parts that are missing, or ignored), FailedPrecondition for a loop.
absl::StatusOr<std::string> ResolveBelow(int root, absl::string_view path, const IgnorePatterns* ignore);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_SOURCE_WALK_H_
