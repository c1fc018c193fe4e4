#include "engine/identity.h"

#include <utility>
#include <vector>

#include "base/status.h"
#include "oci/user_lookup.h"

namespace coracle::engine {

absl::StatusOr<Identity> ResolveIdentity(const store::ContainerConfig& config, const RootFiles& files) {
  const std::string passwd = files.Read("etc/passwd");
  const std::string group = files.Read("etc/group");
  auto resolved = oci::ResolveUser(config.user(), passwd, group);
  if (!resolved.ok()) return WithExitCode(resolved.status(), 125);
  Identity identity;
  identity.user.uid = resolved->uid;
  identity.user.gid = resolved->gid;
  identity.user.additional_gids = std::move(resolved->additional_gids);
  identity.home = std::move(resolved->home);
  const std::vector<std::string> added(config.group_add().begin(), config.group_add().end());
  auto gids = oci::ResolveGroups(added, group);
  if (!gids.ok()) return WithExitCode(gids.status(), 125);
  identity.user.additional_gids.insert(identity.user.additional_gids.end(), gids->begin(), gids->end());
  return identity;
}

RootFiles FilesOf(const storage::PreparedRoot& root) {
  std::vector<std::string> directories;
  if (root.overlay.has_value()) {
    if (!root.overlay->upper.empty()) directories.push_back(root.overlay->upper);
    directories.insert(directories.end(), root.overlay->lower.begin(), root.overlay->lower.end());
  } else {
    directories.push_back(root.path);
  }
  return RootFiles(std::move(directories));
}

}  // namespace coracle::engine
