// One RUN, as the executor asks for it. Who runs it stands above this folder (engine/build_run.h).
#ifndef CORACLE_BUILD_RUN_STEP_H_
#define CORACLE_BUILD_RUN_STEP_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/runtime_spec.h"
#include "os/overlay_mount.h"
#include "store/records.pb.h"

namespace coracle::build {

struct RunStep {
  // What decides how it runs: args, env, workdir, user, network, limits, capabilities, as of a container.
  store::ContainerConfig config;
  std::optional<os::OverlayOptions> overlay;         // the root; else
  std::string root_path;                             // this directory
  std::vector<std::string> root_dirs;                // top first: where users and groups are looked up
  std::vector<oci::Mount> mounts;                    // of RUN --mount
  std::map<std::string, int> trees;                  // as in runtime::CreateRequest
  std::string scratch_dir;                           // for files made for it; gone afterwards
  bool chroot_isolation = false;                     // no namespaces but a mount one
  std::function<void(absl::string_view)> on_output;  // what it prints on standard output and error
};

// Runs it to its end; the exit code as shells give it. The caller has one thread. Errors: it was not run.
using StepRunner = std::function<absl::StatusOr<int>(const RunStep&)>;

}  // namespace coracle::build

#endif  // CORACLE_BUILD_RUN_STEP_H_
