// Files of a root file system that is not mounted: read from its layers, or from its directory.
#ifndef CORACLE_ENGINE_ROOT_FILES_H_
#define CORACLE_ENGINE_ROOT_FILES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace coracle::engine {

// Directories top first: upper, then lower ones; or the one root directory.
class RootFiles {
 public:
  explicit RootFiles(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  // The text of `path` (relative, "etc/passwd"), from the topmost layer that has it; empty if none has, if it
  // is hidden by a whiteout, or larger than 4 MiB. Links are followed within a layer only.
  std::string Read(absl::string_view path) const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_ROOT_FILES_H_
