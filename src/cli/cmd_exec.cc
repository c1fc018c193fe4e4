// exec.
#include <fcntl.h>

#include "absl/strings/ascii.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/enter.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "os/file.h"

namespace coracle::cli {
namespace {

// The container, and where the command begins among the arguments.
absl::StatusOr<engine::ContainerView> Container(Invocation& invocation, engine::Engine& engine,
                                                size_t& first_word) {
  const ParsedCommand& parsed = invocation.parsed();
  first_word = 0;
  if (parsed.GetBool("latest")) return engine::Latest(engine);
  const std::vector<std::string> files = parsed.GetList("cidfile");
  if (!files.empty()) {
    ASSIGN_OR_RETURN(const std::string id, os::ReadFileAt(AT_FDCWD, files.front(), 4096), "--cidfile");
    return engine::Look(engine, absl::StripAsciiWhitespace(id));
  }
  first_word = 1;
  return engine::Look(engine, invocation.args()[0]);
}

absl::StatusOr<int> Exec(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  size_t first_word = 0;
  ASSIGN_OR_RETURN(const engine::ContainerView view, Container(invocation, engine, first_word));
  RETURN_IF_ERROR(EnterBeside(view.state.monitor_pid(), invocation.globals()));
  engine::ExecSpec spec;
  spec.args.assign(invocation.args().begin() + static_cast<std::ptrdiff_t>(first_word),
                   invocation.args().end());
  if (spec.args.empty()) return WithExitCode(absl::InvalidArgumentError("no command to exec"), 125);
  ASSIGN_OR_RETURN(spec.env, ReadEnvironment(parsed.GetList("env-file"), parsed.GetList("env")));
  spec.user = parsed.GetString("user");
  spec.workdir = parsed.GetString("workdir");
  spec.detach_keys = parsed.GetString("detach-keys");
  spec.tty = parsed.GetBool("tty");
  spec.interactive = parsed.GetBool("interactive");
  spec.detach = parsed.GetBool("detach");
  spec.privileged = parsed.GetBool("privileged");
  spec.preserve_fds = static_cast<int>(parsed.GetUint("preserve-fds"));
  return engine::Exec(engine, view, spec);
}

}  // namespace

int CmdExec(Invocation& invocation) {
  const absl::StatusOr<int> code = Exec(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
