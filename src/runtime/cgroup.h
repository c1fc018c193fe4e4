// The cgroup of one container, on cgroup v2, v1 and hybrid hosts.
#ifndef CORACLE_RUNTIME_CGROUP_H_
#define CORACLE_RUNTIME_CGROUP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"
#include "os/unique_fd.h"

namespace coracle::runtime {

// What Create may find impossible. A limit that was asked for and can't be applied is an error; one nobody
// asked for is skipped.
struct CgroupRequest {
  std::string path;       // "/coracle/<id>": below each hierarchy's mount, or below the caller's own cgroup
                          // where only that is writable (rootless)
  bool disabled = false;  // --cgroups=disabled: no cgroup at all
  bool systemd = false;   // ask systemd over D-Bus for a scope; path is "slice:prefix:name", or as above
  // How systemd stops that scope; 0, -1: as it is configured (cgroup_systemd.h).
  int stop_signal = 0;
  int64_t stop_timeout_seconds = -1;
  bool split = false;  // below the cgroup that this process was started in (cgroup_split.h); path's last part
                       // names the leaf
  // Join every v1 hierarchy, not only those that a limit, security or statistics need: for a container that
  // mounts the v1 hierarchies and must not see its host's cgroup in them.
  bool all_hierarchies = false;
  oci::Resources resources;
  // Limits nobody asked for, which apply where they can. The second is of memory and swap together, beside a
  // memory limit in `resources`.
  std::optional<int64_t> default_pids_limit, default_memory_swap;
};

// How the first process gets in without the 10 ms that writing a pid to a v1 cgroup.procs costs: the child
// writes "0" to each of `v1_tasks` and is born in `v2_dir` by CLONE_INTO_CGROUP.
struct CgroupEntry {
  std::vector<int> v1_tasks;  // open for writing, owned by the Cgroup
  int v2_dir = -1;            // -1: no v2 tree
};

struct CgroupStats {
  uint64_t cpu_usage_usec = 0, cpu_user_usec = 0, cpu_system_usec = 0, cpu_throttled_usec = 0;
  uint64_t memory_usage_bytes = 0, memory_cache_bytes = 0, memory_limit_bytes = 0;
  uint64_t pids_current = 0, pids_limit = 0;
  uint64_t block_read_bytes = 0, block_write_bytes = 0;
};

// Whether Create, asked by this process, finds a directory to make cgroups with this controller in.
bool CgroupControllerUsable(absl::string_view controller);

class Cgroup {
 public:
  // Makes the directories, writes the limits and opens the entry descriptors; nothing is left on error.
  // Errors: FailedPrecondition "cgroup controller 'memory' is not available: cannot apply --memory ..." for a
  // limit that was asked for; InvalidArgument for values out of range (names the member); else errno of the
  // write.
  static absl::StatusOr<std::unique_ptr<Cgroup>> Create(const CgroupRequest& request);
  // An existing one, by the names that `Paths` gave.
  static absl::StatusOr<std::unique_ptr<Cgroup>> Open(const std::vector<std::string>& paths);
  // What a Create(request) that was killed before its caller recorded the paths may have made: those of its
  // directories that exist. They are ours only where the path is nobody else's. Nothing for systemd, which
  // removes a scope with its last process.
  static absl::StatusOr<std::unique_ptr<Cgroup>> Find(const CgroupRequest& request);

  ~Cgroup();  // closes descriptors; the directories stay until Remove
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  const CgroupEntry& entry() const;
  // Absolute directories, v2 first if any; empty where there is none.
  const std::vector<std::string>& paths() const;
  // Applies changed limits (update). Nothing is changed if a value is refused at the plan; a write that fails
  // midway is reported. `default_memory_swap`: as in CgroupRequest.
  absl::Status Update(const oci::Resources& given, std::optional<int64_t> default_memory_swap = std::nullopt);
  absl::Status Freeze();
  absl::Status Thaw();
  bool Frozen() const;
  // SIGKILL or another signal to every process in it, cgroup.kill where there is one.
  absl::Status KillAll(int signal);
  absl::StatusOr<std::vector<int32_t>> Pids() const;
  absl::StatusOr<CgroupStats> Stats() const;
  // Whether the kernel's OOM killer has killed in it (memory.events oom_kill; v1 memory.oom_control
  // oom_kill).
  bool OomKilled() const;
  // Kills what is left, waits for it (bounded), and removes the directories. Missing is fine.
  absl::Status Remove();

 private:
  struct State;
  absl::Status MoveProcesses(size_t first);
  explicit Cgroup(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether systemd runs, answers this user and has the only tree (v2): then CgroupRequest.systemd is the
// better choice (the tree has one writer), and for a rootless login session the only one. Costs one system
// call where it does not run.
bool PrefersSystemdCgroups();

// For a caller who will start a process in the cgroup of `paths` (Cgroup::paths) without having made it: a
// rootless one outside of the container's systemd scope is moved beside the container first, since nobody may
// enter a cgroup from another's part of the tree. Does nothing where there is nothing to do. Errors:
// FailedPrecondition with systemd's words.
absl::Status PrepareToEnter(const std::vector<std::string>& paths);

// Controllers that this process could use here, for `info` and `features`: names and "v1", "v2" or "hybrid".
struct CgroupHost {
  std::string version;  // "v1", "v2", "hybrid", "none"
  std::vector<std::string> controllers;
  bool writable = false;  // whether this process may make cgroups at all
  // "systemd" if PrefersSystemdCgroups, else "cgroupfs".
  std::string manager = "cgroupfs";
};
CgroupHost ProbeCgroups();

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_H_
