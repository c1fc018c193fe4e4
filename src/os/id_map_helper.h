// One run of newuidmap(1) or newgidmap(1), in two steps so that it can be forked before, and do its work
// after, the target process enters its user namespace.
#ifndef CORACLE_OS_ID_MAP_HELPER_H_
#define CORACLE_OS_ID_MAP_HELPER_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "os/user_namespace.h"

namespace coracle::os {

// The absolute path of `name` in PATH, or in the usual directories; empty if it isn't there.
std::string FindIdMapHelper(absl::string_view name);

class IdMapHelper {
 public:
  // Forks a child that waits. Errors: NotFound if `path` is empty.
  static absl::StatusOr<IdMapHelper> Prepare(absl::string_view name, const std::string& path, pid_t target,
                                             absl::Span<const IdRange> ranges);
  // Lets it run the program.
  absl::Status Go();
  // Waits for it. Errors: PermissionDenied with what the program printed.
  absl::Status Finish();

 private:
  std::string name_;
  ChildProcess child_;
  UniqueFd gate_;    // one byte starts it; closed without, it ends
  UniqueFd output_;  // its standard error
};

}  // namespace coracle::os

#endif  // CORACLE_OS_ID_MAP_HELPER_H_
