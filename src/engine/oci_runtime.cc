#include "engine/oci_runtime.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "os/run_program.h"

namespace coracle::engine {

absl::StatusOr<std::string> ResolveRuntime(const std::string& name) {
  if (name.empty() || name == kBuiltInRuntime) return std::string();
  const std::string path = name.find('/') == std::string::npos ? os::FindInPath(name) : name;
  if (!path.empty() && path[0] == '/' && access(path.c_str(), X_OK) == 0) return path;
  return WithExitCode(
      absl::NotFoundError(absl::StrCat("OCI runtime ", Printable(name),
                                       path.empty() || path[0] == '/' ? ": not found, or not executable"
                                                                      : ": give a name or an absolute path")),
      125);
}

}  // namespace coracle::engine
