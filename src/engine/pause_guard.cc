#include "engine/pause_guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/status.h"

namespace coracle::engine {
namespace {

// Until the parent says that all is done, or is no more. Frozen but not yet recorded as paused counts too.
[[noreturn]] void Watch(Engine& engine, const std::string& id, int parent) {
  (void)setsid();  // Ctrl-C at the terminal is for the parent
  char done;
  if (TEMP_FAILURE_RETRY(read(parent, &done, 1)) == 1) _exit(0);
  auto view = Look(engine, id);
  if (!view.ok()) _exit(1);
  view->state.set_status(store::PAUSED);
  _exit(Unpause(engine, *view).ok() ? 0 : 1);
}

}  // namespace

absl::StatusOr<PauseGuard> PauseGuard::Pause(Engine& engine, const ContainerView& view) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  os::UniqueFd parent(ends[0]);
  os::UniqueFd alive(ends[1]);
  os::CloneResult child;
  const int made = os::CloneProcess({}, &child);
  if (made < 0) return ErrnoStatus(-made, "start a process");
  if (child.pid == 0) {
    alive.Reset();
    Watch(engine, view.record.id(), parent.get());
  }
  PauseGuard guard(engine, view.record.id(), std::move(alive),
                   os::ChildProcess(child.pid, os::UniqueFd(child.pidfd)));
  RETURN_IF_ERROR(engine::Pause(engine, view));
  return guard;
}

absl::Status PauseGuard::Unpause() {
  ASSIGN_OR_RETURN(const ContainerView view, Look(*engine_, id_));
  if (view.state.status() == store::PAUSED) RETURN_IF_ERROR(engine::Unpause(*engine_, view));
  if (TEMP_FAILURE_RETRY(write(alive_.get(), "", 1)) != 1) return ErrnoStatus(errno, "end the pause");
  return watcher_.Wait().status();
}

}  // namespace coracle::engine
