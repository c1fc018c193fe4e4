// The rules of `cp` on slashes and on what is there already, as data. Pure.
#ifndef CORACLE_ENGINE_COPY_RULES_H_
#define CORACLE_ENGINE_COPY_RULES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::engine {

// "web:/etc/hosts", "/etc/hosts", "./a:b", "-".
struct CopyArgument {
  std::string container;  // empty: of the host
  std::string path;
  bool is_stream = false;  // "-"
};
// Source: docker cp, "local paths with a colon begin with ./ or /".
CopyArgument ParseCopyArgument(absl::string_view text);

// What a path says about itself.
struct CopyPath {
  std::string clean;       // without trailing "/" and "/."; "/" is the root
  std::string name;        // its last component; empty for the root
  bool directory = false;  // ends in "/", "/." or is the root: it must be a directory
  bool contents = false;   // ends in "/." or is the root: what is in it is meant, not itself
};
CopyPath ReadCopyPath(absl::string_view path);

enum class CopyKind { kMissing, kFile, kDirectory };

enum class CopyAction {
  kAs,        // the source becomes the destination; what is there goes, or a directory is made
  kInto,      // the source comes into the destination by its own name
  kContents,  // what is in the source comes into the destination
};

// Errors: InvalidArgument, NotFound; exit code 125.
absl::StatusOr<CopyAction> DecideCopy(const CopyPath& source, CopyKind source_kind,
                                      const CopyPath& destination, CopyKind destination_kind);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_COPY_RULES_H_
