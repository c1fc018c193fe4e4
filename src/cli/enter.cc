#include "cli/enter.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/output.h"
#include "engine/security.h"
#include "engine/shared_network.h"
#include "os/file.h"
#include "os/memory_program.h"
#include "os/process.h"
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

// Joins the user and mount namespaces of a monitor of this store that lives, or of whoever keeps its network:
// containers of one user can then join each other's namespaces, and the two set-uid helpers need not run
// again.
bool JoinLivingMonitor(const Globals& globals) {
  const store::Store store(globals.root, globals.runroot);
  const engine::SharedNetworkKeeper keeper = engine::FindSharedNetworkKeeper(store);
  if (keeper.pid > 0 && os::JoinUserNamespace(keeper.pid).ok()) return true;
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

// Commands of one user that run at the same time share their namespaces too, also before any monitor lives:
// else the networks of their containers could not be joined. <runroot>/userns has a line for each, its pid
// and start time; whoever enters holds the lock beside it.
constexpr size_t kMaxEntered = 64;

std::string EnteredPath(const Globals& globals) { return absl::StrCat(globals.runroot, "/userns"); }

// Those of them that live, the oldest first.
std::vector<std::pair<pid_t, uint64_t>> ReadEntered(const Globals& globals) {
  std::vector<std::pair<pid_t, uint64_t>> living;
  const auto text = os::ReadFileAt(AT_FDCWD, EnteredPath(globals), 1 << 16);
  if (!text.ok()) return living;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> words = absl::StrSplit(line, ' ');
    std::pair<pid_t, uint64_t> process;
    if (!absl::SimpleAtoi(words.first, &process.first) || !absl::SimpleAtoi(words.second, &process.second)) {
      continue;
    }
    if (os::OpenProcess(process.first, process.second).ok()) living.push_back(process);
  }
  return living;
}

// Best effort: without it two first commands at once have namespaces of their own.
void NoteEntered(const Globals& globals, std::vector<std::pair<pid_t, uint64_t>> living) {
  // Another user namespace makes a process undumpable, and nobody could join it until it executes.
  (void)prctl(PR_SET_DUMPABLE, 1);
  const auto start_time = os::StartTimeOf(getpid());
  if (!start_time.ok()) return;
  if (living.size() >= kMaxEntered) living.erase(living.begin());
  living.emplace_back(getpid(), *start_time);
  std::string text;
  for (const auto& [pid, time] : living) absl::StrAppend(&text, pid, " ", time, "\n");
  (void)os::ReplaceFileAt(AT_FDCWD, EnteredPath(globals), text, os::Durability::kVolatile);
}

absl::Status EnterRootless(const Globals& globals) {
  (void)os::MakeDirectories(globals.runroot,
                            0700);  // best effort, as the lock: who can't be noted enters all the same
  const auto lock =
      store::FileLock::Acquire(absl::StrCat(EnteredPath(globals), ".lock"), "the user's namespaces");
  const std::vector<std::pair<pid_t, uint64_t>> living = ReadEntered(globals);
  bool joined = JoinLivingMonitor(globals);
  for (size_t i = 0; i < living.size() && !joined; ++i) joined = os::JoinUserNamespace(living[i].first).ok();
  if (!joined) {
    auto ids = os::EnterRootlessUserNamespace();
    if (!ids.ok()) return WithExitCode(ids.status(), 125);
    if (!ids->reduced_because.empty()) {
      PrintWarning(absl::StrCat("only your own user id is mapped: ", ids->reduced_because, ", ignoring"));
    }
  }
  NoteEntered(globals, living);
  return absl::OkStatus();
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
    RETURN_IF_ERROR(EnterRootless(globals));
    RETURN_IF_ERROR(NoteCaller(caller));
  }
  if (!command.Has(kEntersContainer) || command.Has(kStartsContainer)) return absl::OkStatus();
  return BecomeReadOnly();
}

absl::Status ProtectFor(const store::ContainerConfig* config) {
  if (config != nullptr && engine::StartsByHandover(*config) && os::MakeMemoryProgram("coracle").ok()) {
    return absl::OkStatus();
  }
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
