// certs.d: CAs and client certificates of single registries. Source: containers-certs.d(5).
#ifndef CORACLE_REGISTRY_CERTIFICATES_H_
#define CORACLE_REGISTRY_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "registry/user_paths.h"

namespace coracle::registry {

// The directory for `domain` (host[:port]), as Endpoint::certificate_dirs takes it: the first that exists of
// ~/.config/containers/certs.d, /etc/containers/certs.d and /etc/docker/certs.d. Empty if there is none.
std::vector<std::string> CertificateDirs(const UserPaths& paths, absl::string_view domain,
                                         absl::Span<const std::string> system = {});

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_CERTIFICATES_H_
