// A pause that does not outlive whoever asked for it.
#ifndef CORACLE_ENGINE_PAUSE_GUARD_H_
#define CORACLE_ENGINE_PAUSE_GUARD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/engine.h"
#include "os/process.h"
#include "os/unique_fd.h"

namespace coracle::engine {

// Pauses a container and unpauses it at the end, even after SIGKILL of this process: a small process of its
// own session waits for that, and holds the container's op lock, which it inherits, until it is done.
class PauseGuard {
 public:
  // The caller has the op lock and one thread. Errors: of Pause; nothing is paused then.
  static absl::StatusOr<PauseGuard> Pause(Engine& engine, const ContainerView& view);
  // Unpauses. Errors: of Unpause.
  absl::Status Unpause();

 private:
  PauseGuard(Engine& engine, std::string id, os::UniqueFd alive, os::ChildProcess watcher)
      : engine_(&engine), id_(std::move(id)), alive_(std::move(alive)), watcher_(std::move(watcher)) {}

  Engine* engine_;
  std::string id_;
  os::UniqueFd alive_;        // its other end is read by the watcher
  os::ChildProcess watcher_;  // ended with this object
};

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_PAUSE_GUARD_H_
