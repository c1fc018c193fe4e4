// A container's cgroup as a transient systemd scope.
//
// A scope cannot be empty and only systemd may move a process into it from a login session, whose cgroup is
// not delegated. So the calling process (the container's monitor, or `oci create`) is what the scope is
// started with; it then moves to the leaf `supervisor`, and the container gets the leaf `container` beside it
// with its limits, for a cgroup that holds processes can't pass controllers on. When both are empty systemd
// removes the scope. Source: org.freedesktop.systemd1(5), systemd's CGROUP_DELEGATION.md.
#ifndef CORACLE_RUNTIME_CGROUP_SYSTEMD_H_
#define CORACLE_RUNTIME_CGROUP_SYSTEMD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace coracle::runtime {

struct SystemdScope {
  std::string slice;  // "machine.slice"
  std::string unit;   // "coracle-<id>.scope"
  // What all in it get when systemd stops it (at a shutdown, at the end of a user's last session), and how
  // long it then waits before SIGKILL. 0, -1: as systemd is configured (SIGTERM, 90 seconds).
  int stop_signal = 0;
  int64_t stop_timeout_seconds = -1;
};

// "slice:prefix:name", or "/parent/name" for coracle-<name>.scope in `parent` if that is a slice. An empty
// slice is system.slice, or user.slice under a user's manager, an empty prefix none. Errors: InvalidArgument
// for another form, or characters that unit names do not have.
absl::StatusOr<SystemdScope> ParseSystemdPath(absl::string_view path, bool user_manager);

// Whether this process would talk to its user's manager ($XDG_RUNTIME_DIR/systemd/private) instead of the
// system's.
bool UsesUserManager();

// Whether the manager that this process would talk to listens.
bool SystemdAnswers();

// Puts this process into the scope, started for it, and moves it to the leaf `supervisor`. Does nothing if it
// is there already. Returns the scope's absolute directory below `v2_mount`. Errors: FailedPrecondition if
// systemd does not run here or refuses, with its own words.
absl::StatusOr<std::string> EnterSystemdScope(const SystemdScope& scope, const std::string& v2_mount);

// For a further process of the container from outside of the scope's part of the tree: has systemd move this
// process into the leaf `supervisor` of the scope that holds `container_directory`. Does nothing for other
// directories.
absl::Status AttachToSystemdScope(const std::string& container_directory);

}  // namespace coracle::runtime

#endif  // CORACLE_RUNTIME_CGROUP_SYSTEMD_H_
