// What a build is asked for, and what it needs of those who stand above.
#ifndef CORACLE_BUILD_BUILD_OPTIONS_H_
#define CORACLE_BUILD_BUILD_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "build/ignore_patterns.h"
#include "build/layer_ref.h"
#include "build/run_step.h"
#include "oci/platform.h"
#include "store/records.pb.h"
#include "store/store.h"

namespace coracle::build {

// --secret. Its bytes are read when a step asks for them and go to memory only.
struct SecretSource {
  std::string file;  // or
  std::string variable;
};

struct BuildRequest {
  std::string context_dir;      // absolute; empty: there is none
  std::string dockerfile_name;  // for messages
  std::string dockerfile;       // its text
  std::string target;
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> build_contexts;  // name -> directory, or "docker-image://NAME"
  std::map<std::string, IgnorePatterns> ignores;      // by name of the context, "" the main one
  std::vector<std::string> tags;                      // full names
  std::vector<std::pair<std::string, std::string>> labels, annotations;
  std::map<std::string, SecretSource> secrets;
  std::map<std::string, std::string> ssh;  // id -> socket
  bool no_cache = false;
  std::string pull = "missing";  // when base images are fetched: a policy of engine::ParsePullPolicy
  bool squash = false;
  bool docker_format = false;
  bool chroot_isolation = false;
  bool allow_insecure = false;
  int jobs = 0;                  // stages at once; 0: as many as there are CPUs, but at least 2
  std::optional<int64_t> epoch;  // SOURCE_DATE_EPOCH: every recorded time
  std::optional<oci::Platform> platform;
  std::string storage_driver;
  store::ContainerConfig run_config;  // of every RUN: network, hosts, limits, capabilities
  std::vector<std::string> proxy_environment;
  std::string base_override;                   // --from: in place of the first FROM's
  std::vector<std::string> environment;        // --env: NAME=VALUE on top of each base
  std::vector<std::string> unset_environment;  // of the image that comes out
  std::vector<std::string> unset_labels;
  std::vector<std::string> no_cache_stages;  // their steps are run anew
  std::vector<oci::Mount> volumes;           // binds in each RUN
  bool omit_history = false;
  bool inline_cache = false;  // the image says how its layers came about
  bool keep_image = true;     // the store gets it
  bool keep_failed = false;   // the state that a failed RUN leaves becomes an image
  // Of several builds that are shown as one:
  int last_number = 0;         // of a step that was shown before
  std::string progress_label;  // "linux/arm64", of its stages
};

// Those who stand above.
struct BuildHost {
  // The image by that name, pulled if need be. `on_line` gets what is fetched, a line each.
  std::function<absl::StatusOr<BaseImage>(const std::string& name, const std::optional<oci::Platform>&,
                                          const std::function<void(absl::string_view)>& on_line)>
      find_image;
  StepRunner run;
  // The text of a file of stacked directories (top first); empty if there is none.
  std::function<std::string(const std::vector<std::string>& dirs, absl::string_view path)> read_file;
};

}  // namespace coracle::build

#endif  // CORACLE_BUILD_BUILD_OPTIONS_H_
