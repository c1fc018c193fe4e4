// What containers wrote: listed (diff), taken out as an archive (export), made an image (commit).
#ifndef CORACLE_ENGINE_CHANGES_H_
#define CORACLE_ENGINE_CHANGES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "archive/stream.h"
#include "engine/engine.h"
#include "storage/tree_diff.h"

namespace coracle::engine {

// What `name` changed: a container against its image, or an image's top layer against those below. With
// `older`, what differs from that container or image instead. What containers get from us (/dev, /etc/hosts
// and the like) is left out, as podman does.
absl::StatusOr<std::vector<storage::Change>> Diff(Engine& engine, const std::string& name,
                                                  const std::string& older);

// The container's whole root as a tar archive, without what is mounted inside. Its bytes depend on the
// content alone.
absl::Status Export(Engine& engine, const ContainerView& view, archive::ByteSink& sink);

struct CommitRequest {
  std::string reference;  // empty: no name
  std::vector<std::string> changes;
  std::string author, message;
  // While its files are copied, a running container stands still. Not set: if it can be paused.
  std::optional<bool> pause;
  bool docker_format = false;
  bool squash = false;           // one layer with everything
  bool include_volumes = false;  // mount points of volumes become the image's VOLUMEs
};
// The image id. All or nothing; a name that another image has moves. Errors: InvalidArgument for a change or
// name, before any work; Unimplemented for a container of a --rootfs.
absl::StatusOr<std::string> Commit(Engine& engine, const ContainerView& view, const CommitRequest& request);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CHANGES_H_
