// registries.conf: where images are really fetched from, what is blocked or insecure, and what short names
// mean. Source: containers-registries.conf(5), version 2; containers-registries.conf.d(5).
#ifndef CORACLE_REGISTRY_REGISTRIES_CONF_H_
#define CORACLE_REGISTRY_REGISTRIES_CONF_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/user_paths.h"

namespace coracle::registry {

enum class PullFrom { kAll, kDigestOnly, kTagOnly };

struct MirrorRule {
  std::string location;  // host[:port][/path]
  bool insecure = false;
  PullFrom pull_from = PullFrom::kAll;
};

// One [[registry]] table. Invariants: `prefix` and `location` have no scheme and no '/' at the end;
// `location` is empty only if `prefix` begins with "*.".
struct RegistryRule {
  std::string prefix;  // host[:port][/path[:tag|@digest]], or *.host
  std::string location;
  bool insecure = false;
  bool blocked = false;
  std::vector<MirrorRule> mirrors;
  std::string file;  // that says so
};

enum class ShortNameMode { kPermissive, kEnforcing, kDisabled };

struct RegistriesConfig {
  std::vector<RegistryRule> rules;  // no two with the same prefix
  // Unset if no file says so: then a short name is docker.io's.
  std::optional<std::vector<std::string>> search_registries;
  ShortNameMode short_name_mode = ShortNameMode::kPermissive;
  std::map<std::string, std::string> aliases;  // short name to full name, both without tag and digest
};

// Adds what `text`, the content of `file`, says: over what is there, as drop-in files do. On an error
// `config` is unchanged. Errors: InvalidArgument "FILE: ..." for malformed TOML, a value of the wrong type, a
// location that is none, or version 1 in a drop-in (`may_be_v1` false). Unknown keys are ignored.
absl::Status MergeRegistriesConf(absl::string_view text, absl::string_view file, bool may_be_v1,
                                 RegistriesConfig& config);

// Reads the main file ($CONTAINERS_REGISTRIES_CONF, else the user's if there is one, else the system's) and
// the drop-ins that go with it. Without any, the result is empty. Errors: as MergeRegistriesConf; NotFound if
// the variable names a missing file; else as open(2) and read(2).
absl::StatusOr<RegistriesConfig> LoadRegistriesConf(const UserPaths& paths,
                                                    const std::string& etc = "/etc/containers");

// Whether these files, or one `text` of them, could make the short name `name` (without tag) mean anything
// but what docker takes it for. Quick: nothing is parsed, and what is not plain counts as yes.
bool RegistriesConfMaySay(const UserPaths& paths, absl::string_view name,
                          const std::string& etc = "/etc/containers");
bool MaySayOfShortName(absl::string_view text, absl::string_view name);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_REGISTRIES_CONF_H_
