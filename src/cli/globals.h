// Where this user's store lives, and the other global options.
#ifndef CORACLE_CLI_GLOBALS_H_
#define CORACLE_CLI_GLOBALS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/parse.h"

namespace coracle::cli {

struct Globals {
  std::string root;     // absolute; survives a reboot. Not made here
  std::string runroot;  // absolute; gone at reboot
  std::string tmpdir;   // absolute
  std::string log_level;
  std::string storage_driver;  // empty: the best that works
  std::vector<std::string> storage_options;
  std::string cgroup_manager;  // empty: by probing
  std::string runtime;         // as given; empty: built in
  bool rootless = false;       // the effective user was not root when the program started
};

// Defaults for root: /var/lib/coracle and /run/coracle. Else $XDG_DATA_HOME/coracle or
// ~/.local/share/coracle, and $XDG_RUNTIME_DIR/coracle, or /run/user/UID/coracle, or /tmp/coracle-run-UID,
// which is made with mode 0700. A runtime directory counts only if it belongs to the user. Variables that are
// not absolute paths are ignored. Errors: FailedPrecondition if neither HOME nor XDG_DATA_HOME says where
// data goes, or /tmp/coracle-run-UID is somebody else's or open to others; InvalidArgument for an unknown
// --log-level or --cgroup-manager. Source: XDG Base Directory Specification.
absl::StatusOr<Globals> ResolveGlobals(const ParsedCommand& parsed);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_GLOBALS_H_
