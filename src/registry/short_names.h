// The file of recorded short names: what a user chose once, when a short name could mean several images.
// Source: containers-registries.conf(5), "Short-Name Aliasing: Modes".
#ifndef CORACLE_REGISTRY_SHORT_NAMES_H_
#define CORACLE_REGISTRY_SHORT_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "oci/reference.h"
#include "registry/registries_conf.h"
#include "registry/user_paths.h"

namespace coracle::registry {

// /var/cache/containers/short-name-aliases.conf, or for an ordinary user the same below its cache directory.
// Empty if the environment does not say.
std::string RecordedShortNamesPath(const UserPaths& paths);

// Adds them to the aliases of `config`; they go before those of registries.conf. A missing file is fine; one
// that is not readable or malformed is an error, which names it.
absl::Status MergeRecordedShortNames(const UserPaths& paths, RegistriesConfig& config);

// Records that `text`, a short name as the user typed it, means `chosen`, for next time.
absl::Status RecordShortName(const UserPaths& paths, absl::string_view text,
                             const oci::ImageReference& chosen);

// The full names, best first, that the user's configuration and earlier choices make of the short name
// `text`. Empty if that is no more than what docker would take it for, and if the configuration is malformed,
// which is for a pull to say. Cheap where nothing is configured for that name.
std::vector<oci::ImageReference> ConfiguredNames(const UserPaths& paths, absl::string_view text);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_SHORT_NAMES_H_
