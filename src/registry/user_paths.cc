#include "registry/user_paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace coracle::registry {
namespace {

bool IsOurDirectory(const std::string& path) {
  struct stat st;
  return !path.empty() && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

std::string Below(const std::string& directory, const char* name) {
  return directory.empty() ? "" : absl::StrCat(directory, "/", name);
}

}  // namespace

std::string AbsolutePathVariable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr && *value == '/' ? value : "";
}

UserPaths UserPathsFromEnvironment(uid_t uid) {
  UserPaths paths;
  paths.uid = uid;
  paths.rootless = uid != 0;
  paths.home = AbsolutePathVariable("HOME");
  paths.config_home = AbsolutePathVariable("XDG_CONFIG_HOME");
  if (paths.config_home.empty()) paths.config_home = Below(paths.home, ".config");
  paths.cache_home = AbsolutePathVariable("XDG_CACHE_HOME");
  if (paths.cache_home.empty()) paths.cache_home = Below(paths.home, ".cache");
  const char* docker_config = getenv("DOCKER_CONFIG");
  if (docker_config != nullptr) paths.docker_config = docker_config;
  for (const std::string& candidate :
       {AbsolutePathVariable("XDG_RUNTIME_DIR"), absl::StrCat("/run/user/", uid)}) {
    if (!IsOurDirectory(candidate)) continue;
    paths.runtime_dir = candidate;
    break;
  }
  return paths;
}

}  // namespace coracle::registry
