#include "cli/enter.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/output.h"
#include "os/file.h"
#include "os/process_identity.h"
#include "os/read_only_self.h"
#include "os/user_namespace.h"
#include "store/store.h"

namespace coracle::cli {
namespace {

// Set by us before we execute ourselves again, as root of a user namespace, for the user it belongs to. Of no
// privilege: whoever sets it himself only chooses where his own store lies.
constexpr char kCallerVariable[] = "_CORACLE_CALLING_UID";

char** program_arguments = nullptr;

bool EnteredBefore() { return geteuid() == 0 && getenv(kCallerVariable) != nullptr; }

absl::Status BecomeReadOnly() {
  if (program_arguments == nullptr) return absl::OkStatus();
  return Annotate(os::EnsureReadOnlySelf(program_arguments, environ), "protect this program from containers");
}

absl::Status NoteCaller(uid_t uid) {
  if (setenv(kCallerVariable, absl::StrCat(uid).c_str(), /*overwrite=*/1) != 0)
    return ErrnoStatus(errno, "setenv");
  return absl::OkStatus();
}

// Joins the user and mount namespaces of a monitor of this store that lives, if there is one: containers of
// one user can then join each other's namespaces, and the two set-uid helpers need not run again.
bool JoinLivingMonitor(const Globals& globals) {
  const store::Store store(globals.root, globals.runroot);
  const auto ids = os::ListDirectoryAt(AT_FDCWD, absl::StrCat(globals.runroot, "/containers"));
  if (!ids.ok()) return false;
  for (const std::string& id : *ids) {
    const auto state = store::ReadState(store, id);
    if (!state.ok() || state->monitor_pid() <= 0 || !store::MonitorAlive(store, id)) continue;
    const auto alive = os::OpenProcess(state->monitor_pid(), state->monitor_start_time());
    if (alive.ok() && os::JoinUserNamespace(state->monitor_pid()).ok()) return true;
  }
  return false;
}

}  // namespace

void SetProgramArguments(char** argv) { program_arguments = argv; }

uid_t CallingUser() {
  uint32_t uid = 0;
  if (EnteredBefore() && absl::SimpleAtoi(getenv(kCallerVariable), &uid)) return uid;
  return geteuid();
}

absl::Status EnterFor(const Command& command, const Globals& globals) {
  if (globals.rootless && !EnteredBefore()) {
    if (!command.Has(kNeedsUserns)) return absl::OkStatus();
    const uid_t caller = geteuid();
    if (!JoinLivingMonitor(globals)) {
      auto ids = os::EnterRootlessUserNamespace();
      if (!ids.ok()) return WithExitCode(ids.status(), 125);
      if (!ids->reduced_because.empty()) {
        PrintWarning(absl::StrCat("only your own user id is mapped: ", ids->reduced_because, ", ignoring"));
      }
    }
    RETURN_IF_ERROR(NoteCaller(caller));
  }
  if (!command.Has(kEntersContainer)) return absl::OkStatus();
  return BecomeReadOnly();
}

absl::Status EnterBeside(pid_t monitor, const Globals& globals) {
  if (!globals.rootless || EnteredBefore()) return absl::OkStatus();
  const uid_t caller = geteuid();
  RETURN_IF_ERROR(os::JoinUserNamespace(monitor));
  RETURN_IF_ERROR(NoteCaller(caller));
  return BecomeReadOnly();
}

}  // namespace coracle::cli
