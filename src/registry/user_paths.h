// Where the user who called keeps configuration: HOME and the XDG directories.
//
// In a rootless user namespace we are root, but the files are the caller's: these are read from the
// environment, which stays, and never from the user id. Source: XDG Base Directory Specification.
#ifndef CORACLE_REGISTRY_USER_PATHS_H_
#define CORACLE_REGISTRY_USER_PATHS_H_

#include <sys/types.h>

#include <string>

namespace coracle::registry {

// Paths are absolute where nothing else is said, or empty where the environment does not say.
struct UserPaths {
  bool rootless = false;
  uid_t uid = 0;              // of the caller, as seen outside of our user namespace
  std::string home;           // $HOME
  std::string config_home;    // $XDG_CONFIG_HOME, or ~/.config
  std::string cache_home;     // $XDG_CACHE_HOME, or ~/.cache
  std::string docker_config;  // $DOCKER_CONFIG, a directory as it was given; empty if not set
  std::string runtime_dir;    // $XDG_RUNTIME_DIR, or /run/user/UID, if it is a directory of the user
};

// `uid` is the caller's, as seen outside of our user namespace.
UserPaths UserPathsFromEnvironment(uid_t uid);

// The variable's value if it is an absolute path, else "".
std::string AbsolutePathVariable(const char* name);

}  // namespace coracle::registry

#endif  // CORACLE_REGISTRY_USER_PATHS_H_
