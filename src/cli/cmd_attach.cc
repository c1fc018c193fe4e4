// attach.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/attached.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "store/events.h"

namespace coracle::cli {
namespace {

absl::StatusOr<int> Attach(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::ContainerView view, SelectOne(invocation, engine));
  if (view.state.status() != store::RUNNING) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("cannot attach to container ", view.record.name(),
                                                   ": it is ", engine::StatusName(view))),
        125);
  }
  ASSIGN_OR_RETURN(const os::UniqueFd connection,
                   monitor::ConnectAttach(engine.store.ContainerRunDir(view.record.id())));
  store::AppendEvent(engine.store, store::ContainerEvent(view.record, "attach"));
  monitor::AttachOptions options;
  options.in = view.record.config().open_stdin() && !parsed.GetBool("no-stdin");
  options.tty = view.record.config().tty();
  options.detach_keys = parsed.GetString("detach-keys");
  options.sig_proxy = parsed.GetBool("sig-proxy");
  return Attached(engine, view.record.id(), connection, options);
}

}  // namespace

int CmdAttach(Invocation& invocation) {
  const absl::StatusOr<int> code = Attach(invocation);
  return code.ok() ? *code : invocation.Fail(code.status());
}

}  // namespace coracle::cli
