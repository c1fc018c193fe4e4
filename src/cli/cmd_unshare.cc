// unshare: a command inside the user namespace of rootless containers.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands_storage.h"
#include "cli/invocation.h"
#include "os/run_program.h"

namespace coracle::cli {

int CmdUnshare(Invocation& invocation) {
  // Root enters none before a command runs.
  if (!invocation.globals().rootless) {
    return invocation.Fail(WithExitCode(
        absl::FailedPreconditionError("unshare is for ordinary users: root needs no user namespace"), 125));
  }
  std::vector<std::string> words = invocation.args();
  if (words.empty()) {
    const char* shell = getenv("SHELL");
    words.emplace_back(shell == nullptr || *shell == '\0' ? "/bin/sh" : shell);
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  signal(SIGPIPE, SIG_DFL);
  // Not by execvp(3): a directory of PATH that we may not look into would hide that there is no such program.
  const std::string path = words[0].find('/') == std::string::npos ? os::FindInPath(words[0]) : words[0];
  if (!path.empty()) execv(path.c_str(), argv.data());
  const int error = path.empty() ? ENOENT : errno;
  return invocation.Fail(WithExitCode(ErrnoStatus(error, words[0]), error == ENOENT ? 127 : 126));
}

}  // namespace coracle::cli
