// `coracle oci exec`: a further process in a container.
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/oci_common.h"
#include "oci/capability_names.h"
#include "runtime/oci_lifecycle.h"

namespace coracle::cli {
namespace {

absl::Status SetUser(const std::string& text, oci::User* user) {
  const std::vector<std::string> ids = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (!absl::SimpleAtoi(ids[0], &user->uid) || (ids.size() > 1 && !absl::SimpleAtoi(ids[1], &user->gid))) {
    return absl::InvalidArgumentError(absl::StrCat("--user ", text, ": not UID or UID:GID in numbers"));
  }
  return absl::OkStatus();
}

// Not into the inheritable set: an unprivileged program of the container would regain it by file capabilities
// (CVE-2022-29162).
absl::Status AddCapabilities(const std::vector<std::string>& names, oci::Process* process) {
  if (names.empty()) return absl::OkStatus();
  if (!process->capabilities.has_value()) process->capabilities.emplace();
  for (const std::string& given : names) {
    ASSIGN_OR_RETURN(const std::string name, oci::NormalizeCapability(given));
    process->capabilities->bounding.push_back(name);
    process->capabilities->effective.push_back(name);
    process->capabilities->permitted.push_back(name);
  }
  return absl::OkStatus();
}

// The container's own process with another command and what the options change.
absl::StatusOr<oci::Process> ProcessOf(const Invocation& invocation, const oci::Spec& spec) {
  const ParsedCommand& parsed = invocation.parsed();
  if (parsed.WasSet("process")) {
    ASSIGN_OR_RETURN(const std::string text, OciReadInput(parsed.GetString("process")));
    return oci::ParseProcess(text);
  }
  if (parsed.args().size() < 2) return absl::InvalidArgumentError("exec: no command and no --process");
  oci::Process process = spec.process.value_or(oci::Process());
  process.args.assign(parsed.args().begin() + 1, parsed.args().end());
  process.terminal = parsed.GetBool("tty");
  process.console_size.reset();
  if (parsed.WasSet("cwd")) process.cwd = parsed.GetString("cwd");
  if (parsed.WasSet("apparmor")) process.apparmor_profile = parsed.GetString("apparmor");
  if (parsed.WasSet("process-label")) process.selinux_label = parsed.GetString("process-label");
  if (parsed.GetBool("no-new-privs")) process.no_new_privileges = true;
  if (parsed.WasSet("user")) RETURN_IF_ERROR(SetUser(parsed.GetString("user"), &process.user));
  for (const std::string& entry : parsed.GetList("env")) process.env.push_back(entry);
  for (const std::string& text : parsed.GetList("additional-gids")) {
    uint32_t gid = 0;
    if (!absl::SimpleAtoi(text, &gid)) {
      return absl::InvalidArgumentError(absl::StrCat("--additional-gids ", text, ": not a number"));
    }
    process.user.additional_gids.push_back(gid);
  }
  RETURN_IF_ERROR(AddCapabilities(parsed.GetList("cap"), &process));
  return process;
}

absl::StatusOr<int> Exec(const Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  if (parsed.WasSet("cgroup")) return absl::UnimplementedError("--cgroup is not supported yet");
  const runtime::OciStore store = OciStoreOf(invocation);
  runtime::OciExecOptions options;
  options.id = parsed.args()[0];
  RETURN_IF_ERROR(store.Load(options.id).status());
  ASSIGN_OR_RETURN(const oci::Spec spec, store.LoadSpec(options.id));
  ASSIGN_OR_RETURN(options.process, ProcessOf(invocation, spec));
  if (parsed.GetBool("tty")) options.process.terminal = true;
  options.console_socket = parsed.GetString("console-socket");
  options.pid_file = parsed.GetString("pid-file");
  options.preserve_fds = static_cast<int>(parsed.GetUint("preserve-fds"));
  options.ignore_paused = parsed.GetBool("ignore-paused");
  options.foreground = !parsed.GetBool("detach") && options.console_socket.empty();
  ASSIGN_OR_RETURN(runtime::Container process, runtime::OciExec(store, options));
  if (parsed.GetBool("detach")) return 0;
  if (!options.foreground) process.console.Reset();  // the receiver of the socket has it
  return OciForeground(process);
}

}  // namespace

int CmdOciExec(Invocation& invocation) {
  const absl::StatusOr<int> code = Exec(invocation);
  if (code.ok()) return *code;
  // runc's exit code where the exec itself is at fault, so that it is not taken for the command's.
  (void)OciFail(invocation, code.status());
  return 255;
}

}  // namespace coracle::cli
