// Owners by name, as the image's own files have them.
#ifndef CORACLE_BUILD_OWNER_H_
#define CORACLE_BUILD_OWNER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "build/build_options.h"

namespace coracle::build {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// "name|uid[:group|gid]"; empty: 0:0. Without a group that of the user's entry counts for a name, the same
// number for a uid. `dirs`: top first. Errors: NotFound naming user or group.
// Source: the Dockerfile reference, "COPY --chown".
absl::StatusOr<Owner> LookUpOwner(absl::string_view text, const std::vector<std::string>& dirs,
                                  const BuildHost& host);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_OWNER_H_
