#include "cli/globals.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/enter.h"

namespace coracle::cli {
namespace {

std::string AbsoluteVariable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr && *value == '/' ? value : "";
}

// A directory of our user, not a link to one. In a user namespace of ours it belongs to the effective user,
// root.
bool IsOurs(const std::string& path) {
  struct stat st;
  return lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

absl::StatusOr<std::string> RootlessRoot() {
  const std::string data = AbsoluteVariable("XDG_DATA_HOME");
  if (!data.empty()) return absl::StrCat(data, "/coracle");
  const std::string home = AbsoluteVariable("HOME");
  if (!home.empty()) return absl::StrCat(home, "/.local/share/coracle");
  return absl::FailedPreconditionError("store: neither HOME nor XDG_DATA_HOME is set: use --root");
}

// In a directory that everybody may write to: whoever made the name first must not be trusted.
absl::StatusOr<std::string> PrivateDirectoryInTmp(uid_t uid) {
  std::string path = absl::StrCat("/tmp/coracle-run-", uid);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, absl::StrCat("mkdir ", path));
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "runtime directory ", path, " is not a private directory of user ", uid, ": use --runroot"));
  }
  return path;
}

absl::StatusOr<std::string> RootlessRunroot(uid_t uid) {
  const std::string runtime = AbsoluteVariable("XDG_RUNTIME_DIR");
  if (!runtime.empty() && IsOurs(runtime)) return absl::StrCat(runtime, "/coracle");
  const std::string standard = absl::StrCat("/run/user/", uid);
  if (IsOurs(standard)) return absl::StrCat(standard, "/coracle");
  return PrivateDirectoryInTmp(uid);
}

absl::StatusOr<std::string> MadeAbsolute(std::string path) {
  if (absl::StartsWith(path, "/")) return path;
  char* cwd = getcwd(nullptr, 0);
  if (cwd == nullptr) return ErrnoStatus(errno, "current directory");
  std::string absolute = absl::StrCat(cwd, "/", path);
  free(cwd);
  return absolute;
}

// `value`, if it is one of the words in `known`.
absl::Status CheckWord(absl::string_view option, absl::string_view value, absl::string_view known) {
  for (const absl::string_view word : absl::StrSplit(known, '|')) {
    if (value == word) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("--", option, " ", Printable(value), ": use ", known));
}

}  // namespace

absl::StatusOr<Globals> ResolveGlobals(const ParsedCommand& parsed) {
  Globals globals;
  const uid_t uid = CallingUser();
  globals.rootless = uid != 0;
  globals.root = parsed.GlobalString("root");
  if (globals.root.empty() && !globals.rootless) globals.root = "/var/lib/coracle";
  if (globals.root.empty()) {
    ASSIGN_OR_RETURN(globals.root, RootlessRoot());
  }
  globals.runroot = parsed.GlobalString("runroot");
  if (globals.runroot.empty() && !globals.rootless) globals.runroot = "/run/coracle";
  if (globals.runroot.empty()) {
    ASSIGN_OR_RETURN(globals.runroot, RootlessRunroot(uid));
  }
  globals.tmpdir = parsed.GlobalString("tmpdir");
  if (globals.tmpdir.empty()) globals.tmpdir = AbsoluteVariable("TMPDIR");
  if (globals.tmpdir.empty()) globals.tmpdir = "/var/tmp";
  for (std::string* path : {&globals.root, &globals.runroot, &globals.tmpdir}) {
    ASSIGN_OR_RETURN(*path, MadeAbsolute(*path));
  }
  globals.log_level = parsed.GlobalBool("debug") ? "debug" : parsed.GlobalString("log-level");
  RETURN_IF_ERROR(
      CheckWord("log-level", globals.log_level, "trace|debug|info|warn|warning|error|fatal|panic"));
  globals.storage_driver = parsed.GlobalString("storage-driver");
  globals.storage_options = parsed.GlobalList("storage-opt");
  globals.cgroup_manager = parsed.GlobalString("cgroup-manager");
  globals.runtime = parsed.GlobalString("runtime");
  if (!globals.cgroup_manager.empty()) {
    RETURN_IF_ERROR(CheckWord("cgroup-manager", globals.cgroup_manager, "cgroupfs|systemd"));
  }
  return globals;
}

}  // namespace coracle::cli
