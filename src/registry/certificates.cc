#include "registry/certificates.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"

namespace coracle::registry {
namespace {

bool IsDirectory(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

}  // namespace

std::vector<std::string> CertificateDirs(const UserPaths& paths, absl::string_view domain,
                                         absl::Span<const std::string> system) {
  std::vector<std::string> parents;
  if (!paths.config_home.empty()) parents.push_back(absl::StrCat(paths.config_home, "/containers/certs.d"));
  if (system.empty()) {
    parents.insert(parents.end(), {"/etc/containers/certs.d", "/etc/docker/certs.d"});
  } else {
    parents.insert(parents.end(), system.begin(), system.end());
  }
  for (const std::string& parent : parents) {
    std::string directory = absl::StrCat(parent, "/", domain);
    if (IsDirectory(directory)) return {std::move(directory)};
  }
  return {};
}

}  // namespace coracle::registry
