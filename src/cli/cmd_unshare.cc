// unshare: a command inside the user namespace of rootless containers.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands_storage.h"
#include "cli/invocation.h"
#include "engine/shared_network.h"
#include "os/run_program.h"
#include "os/unique_fd.h"
#include "store/store.h"

namespace coracle::cli {

int CmdUnshare(Invocation& invocation) {
  // Root enters none before a command runs.
  if (!invocation.globals().rootless) {
    return invocation.Fail(WithExitCode(
        absl::FailedPreconditionError("unshare is for ordinary users: root needs no user namespace"), 125));
  }
  os::UniqueFd user;
  if (invocation.parsed().GetBool("rootless-netns")) {
    const store::Store store(invocation.globals().root, invocation.globals().runroot);
    absl::StatusOr<os::UniqueFd> entered = engine::UseSharedNetwork(store);
    if (!entered.ok()) return invocation.Fail(WithExitCode(entered.status(), 125));
    user = *std::move(entered);
    (void)fcntl(user.get(), F_SETFD, 0);  // the namespace stays until the command ends
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
