// The use cases: what the commands do, without their words. Owns lock order and roll-back.
//
// Functions that take a name or id resolve it with store::ResolveContainer and carry exit code 125 where they
// fail. Before it looks at a container, each reconciles it: one whose monitor was killed is cleaned up first.
#ifndef CORACLE_ENGINE_ENGINE_H_
#define CORACLE_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "monitor/monitor.h"
#include "store/store.h"

namespace coracle::engine {

// What the global options decide.
struct Settings {
  std::string storage_driver;  // empty: the first of the ladder that works
  std::string cgroup_manager;  // empty: cgroupfs
  std::string runtime;         // empty: built in
  std::string tmpdir;
  // How a process that stays behind calls this program again for the same store: its name and global options.
  std::vector<std::string> own_command;
};

struct Engine {
  store::Store store;
  Settings settings;
};

// ---- create and start ----

struct CreateRequest {
  std::string image;   // reference; empty with rootfs
  std::string rootfs;  // --rootfs DIR
  // Gets the image when it is not in the store, and gives the name by which it is then; null: a missing image
  // is an error.
  std::function<absl::StatusOr<std::string>()> fetch_image;
  std::string name;  // empty: made up
  bool auto_remove = false;
  bool replace = false;                  // --replace: an existing container of that name is removed first
  bool start_at_once = false;            // `run`
  bool durable = true;                   // false: nothing is synced (--rm and foreground runs)
  store::ContainerConfig config;         // the user's options; entrypoint and command as given
  bool entrypoint_given = false;         // --entrypoint, even if empty
  std::vector<std::string> default_env;  // weaker than the image's: --env-host and the proxy variables
  std::vector<std::string> unset_env;
  bool unset_env_all = false;
  std::vector<std::string> create_command;
  std::vector<std::string> volumes_from;    // CONTAINER[:ro|rw|z]
  std::string image_volumes = "anonymous";  // what the image's volumes become: anonymous, tmpfs, ignore
  // Labels and options of volumes that are made for a mount, by its destination.
  struct NewVolume {
    std::vector<std::pair<std::string, std::string>> labels, options;
  };
  std::map<std::string, NewVolume> new_volumes;
};
// Merges the image's defaults into the config, checks it, and makes the container. The op lock is held as
// long as the returned value lives.
struct Created {
  store::ContainerRecord record;
  std::optional<store::FileLock> op_lock;
};
absl::StatusOr<Created> CreateContainer(Engine& engine, CreateRequest request);

struct StartRequest {
  bool foreground = false;  // an attach connection comes back
  bool hold = false;        // `init`
  int preserve_fds = 0;
  // Undo creation if the start is refused: for `run`, whose container nobody could name yet if it was --rm.
  bool remove_on_error = false;
};
// Errors: FailedPrecondition if it runs already (the caller decides whether that matters); else as
// monitor::Launch.
absl::StatusOr<monitor::Launched> StartContainer(Engine& engine, const store::ContainerRecord& record,
                                                 const StartRequest& request);

// ---- what is there ----

struct ContainerView {
  store::ContainerRecord record;
  store::ContainerState state;
  std::optional<store::ExitRecord> exit;
  std::optional<store::HealthState> health;  // where it is checked; while it runs, of this run
};
// Podman's words: created, initialized, running, paused, stopping, exited, removing.
absl::string_view StatusName(const ContainerView& view);
bool IsRunning(const ContainerView& view);  // running, paused or stopping: has a first process

absl::StatusOr<ContainerView> Look(Engine& engine, absl::string_view name_or_id);
// The newest container by creation time.
absl::StatusOr<ContainerView> Latest(Engine& engine);
// Newest first. `sweep`: what killed processes left half made, which is never listed, goes.
absl::StatusOr<std::vector<ContainerView>> LookAll(Engine& engine, bool sweep = false);

// Cleans up after a monitor that was killed: kills what is left in the cgroup, marks the exit unknown,
// removes a --rm container. A no-op for every other. Takes the op lock only if there is something to do.
absl::Status Reconcile(Engine& engine, const std::string& id);
// For a container that is about to be removed, with its op lock held and no monitor alive: one that died
// since the container was looked at (while it was told to stop, say) had no time to remove its cgroup.
absl::Status ClearAfterMonitor(Engine& engine, const store::ContainerRecord& record);

// ---- change ----

// Signals the first process. Errors: FailedPrecondition "container is not running".
absl::Status Kill(Engine& engine, const ContainerView& view, int signal);
// Stop signal, then SIGKILL after the timeout; returns when all is torn down. A container that does not run
// is fine.
absl::Status Stop(Engine& engine, const ContainerView& view, std::optional<uint32_t> timeout_seconds,
                  std::optional<int> signal);
absl::Status Pause(Engine& engine, const ContainerView& view);
absl::Status Unpause(Engine& engine, const ContainerView& view);
absl::Status Rename(Engine& engine, const ContainerView& view, const std::string& name);

struct RemoveRequest {
  bool force = false;
  bool volumes = false;  // the anonymous ones too, unless another container uses them
  std::optional<uint32_t> timeout_seconds;
};
// Errors: FailedPrecondition "container is running: stop it or use --force".
absl::Status RemoveContainer(Engine& engine, const ContainerView& view, const RemoveRequest& request);

// Waits until the container is in one of `conditions` (StatusName words, "removed", "stopped"; empty:
// exited); returns its exit code (-1 where it never had one). Also "healthy" and "unhealthy". Errors:
// FailedPrecondition if its health is not checked, or it has ended.
absl::StatusOr<int> Wait(Engine& engine, const std::string& id, const std::vector<std::string>& conditions);

// ---- look inside ----

struct ExecSpec {
  std::vector<std::string> args, env;
  std::string user, workdir, detach_keys;
  bool tty = false, interactive = false, detach = false, privileged = false;
  int preserve_fds = 0;
};
// Foreground: returns the command's exit code. Detached: prints nothing, returns 0 once it runs.
absl::StatusOr<int> Exec(Engine& engine, const ContainerView& view, const ExecSpec& spec);

// `top`: a header and rows. `descriptors`: podman's names (user, pid, ppid, hpid, args, ...); empty: the
// default.
struct TopTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
absl::StatusOr<TopTable> Top(Engine& engine, const ContainerView& view,
                             const std::vector<std::string>& descriptors);

}  // namespace coracle::engine

#endif  // CORACLE_ENGINE_ENGINE_H_
