// Who the container's process is: a user as given, resolved in the root file system.
#ifndef CORACLE_ENGINE_IDENTITY_H_
#define CORACLE_ENGINE_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/root_files.h"
#include "oci/runtime_spec.h"
#include "storage/container_root.h"
#include "store/records.pb.h"

namespace coracle::engine {

struct Identity {
  oci::User user;
  std::string home;
};

// Reads etc/passwd and etc/group of `files`. Errors: NotFound naming user or group, exit code 125.
absl::StatusOr<Identity> ResolveIdentity(const store::ContainerConfig& config, const RootFiles& files);

// The files of a root that is prepared, mounted or not.
RootFiles FilesOf(const storage::PreparedRoot& root);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_IDENTITY_H_
