// From the name of an image to where it is fetched: mirrors, rewritten locations, blocked registries, short
// names. Pure: configuration in, references out. Source: containers-registries.conf(5).
#ifndef CORACLE_REGISTRY_LOCATE_H_
#define CORACLE_REGISTRY_LOCATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/reference.h"
#include "registry/registries_conf.h"

namespace coracle::registry {

// One place where an image may be.
struct Location {
  // Where it lies: the host to ask is reference.domain(), the repository there reference.path(). Tag and
  // digest are those of the image, unless the configuration rewrites single tags.
  oci::ImageReference reference;
  bool insecure = false;
  bool mirror = false;
};

// The places to try, in order: mirrors, then the location itself. Never empty. `reference` is the name that
// is recorded, wherever the image came from. Hosts that are this machine (localhost, 127.0.0.0/8, ::1) and
// have no rule are insecure, as with docker. Errors: PermissionDenied if it is blocked; InvalidArgument if
// the rewritten name is none.
absl::StatusOr<std::vector<Location>> LocateForPull(const RegistriesConfig& config,
                                                    const oci::ImageReference& reference);
// Where it is pushed to: neither mirrors nor locations count (containers-registries.conf(5): "only when
// reading images"), blocked and insecure do.
absl::StatusOr<Location> LocateForPush(const RegistriesConfig& config, const oci::ImageReference& reference);

// Whether `domain` (host[:port]) is insecure, or blocked, by its rule: for login and search.
bool IsInsecureHost(const RegistriesConfig& config, absl::string_view domain);

struct ResolvedName {
  // The full names that it may mean, best first, each with a tag or digest. The first that exists is meant.
  std::vector<oci::ImageReference> candidates;
  // The user is to choose one of them, and the choice to be recorded as an alias once it was pulled.
  bool ask = false;
};
// What `text`, as the user typed it, means: itself if it has a domain; its alias; else in each search
// registry. Without a search list: docker.io, as docker does. `interactive`: a user at a terminal can be
// asked. Errors: InvalidArgument if it is no reference; FailedPrecondition if nobody can be asked and the
// mode is enforcing, or the search list is empty.
absl::StatusOr<ResolvedName> ResolveName(const RegistriesConfig& config, absl::string_view text,
                                         bool interactive);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_LOCATE_H_
