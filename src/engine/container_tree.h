// The files of a container as it sees them, for commands that read and write them from outside.
#ifndef CORACLE_ENGINE_CONTAINER_TREE_H_
#define CORACLE_ENGINE_CONTAINER_TREE_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "os/unique_fd.h"

namespace coracle::engine {

// A running container is seen through its own mount namespace, with volumes and tmpfs mounts. One that does
// not run is put together in a private mount namespace that this process enters, with its volumes and binds;
// it can't be started meanwhile. Nothing is mounted on the host, and nothing inside is executed.
//
// Paths in it are hostile: open them below root() by os::RootedPath only.
class ContainerTree {
 public:
  // Errors: NotFound; FailedPrecondition if it is between two runs; exit code 125.
  static absl::StatusOr<ContainerTree> Open(Engine& engine, const ContainerView& view);
  ContainerTree(ContainerTree&& other) noexcept;
  ContainerTree& operator=(ContainerTree&&) = delete;
  // A driver that mounts on the host is released.
  ~ContainerTree();

  int root() const { return root_.get(); }
  // Of the container's first process: who owns what is copied in.
  uid_t uid() const { return uid_; }
  gid_t gid() const { return gid_; }

 private:
  ContainerTree() = default;
  absl::Status Running(const ContainerView& view);
  absl::Status Assemble(Engine& engine, const store::ContainerRecord& record);

  os::UniqueFd process_, root_;
  std::optional<store::FileLock> lock_;
  const Engine* release_in_ = nullptr;
  std::string id_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
};

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_CONTAINER_TREE_H_
