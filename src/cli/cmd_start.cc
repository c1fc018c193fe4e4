// start: containers that exist, in the background or attached to one.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/attached.h"
#include "cli/commands.h"
#include "cli/enter.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/stop_options.h"
#include "store/events.h"

namespace coracle::cli {
namespace {

using engine::ContainerView;

struct Started {
  os::UniqueFd connection;  // valid if attached
  bool held = false;        // `init` has prepared it: it waits for the one who attaches to let it go on
};

// Starts it, or finds it running.
absl::StatusOr<Started> StartOne(engine::Engine& engine, const std::string& id, bool attach) {
  ASSIGN_OR_RETURN(const store::FileLock lock, store::LockContainer(engine.store, id));
  ASSIGN_OR_RETURN(const ContainerView view, engine::Look(engine, id));
  Started started;
  const bool held = view.state.status() == store::INITIALIZED;
  if (held || (attach && engine::IsRunning(view))) {
    ASSIGN_OR_RETURN(started.connection, monitor::ConnectAttach(engine.store.ContainerRunDir(id)));
    started.held = held && attach;
    if (attach) store::AppendEvent(engine.store, store::ContainerEvent(view.record, "attach"));
    if (held && !attach) RETURN_IF_ERROR(monitor::SendStart(started.connection));
    return started;
  }
  if (engine::IsRunning(view)) return started;
  engine::StartRequest request;
  request.foreground = attach;
  request.preserve_fds = static_cast<int>(view.record.config().preserve_fds());
  ASSIGN_OR_RETURN(monitor::Launched launched, engine::StartContainer(engine, view.record, request));
  started.connection = std::move(launched.attach);
  return started;
}

absl::StatusOr<int> StartAttached(Invocation& invocation, engine::Engine& engine) {
  const ParsedCommand& parsed = invocation.parsed();
  if (invocation.args().size() > 1) {
    return WithExitCode(absl::InvalidArgumentError("you cannot start and attach multiple containers at once"),
                        125);
  }
  ASSIGN_OR_RETURN(const ContainerView view, SelectOne(invocation, engine));
  const std::string& id = view.record.id();
  ASSIGN_OR_RETURN(const Started started, StartOne(engine, id, /*attach=*/true));
  monitor::AttachOptions options;
  options.start_held = started.held;
  options.in = parsed.GetBool("interactive") && view.record.config().open_stdin();
  options.tty = view.record.config().tty();
  options.detach_keys = parsed.GetString("detach-keys");
  options.sig_proxy = parsed.GetBool("sig-proxy");
  return Attached(engine, id, started.connection, options);
}

// Most often one container is named; whether it is there is told later.
absl::Status ProtectForNamed(Invocation& invocation, engine::Engine& engine) {
  bool one = invocation.args().size() == 1;
  for (const absl::string_view selector : absl::StrSplit(invocation.parsed().command().args_waived_by, ',')) {
    one &= !invocation.parsed().WasSet(selector);
  }
  if (!one) return ProtectFor(nullptr);
  const absl::StatusOr<ContainerView> view = SelectOne(invocation, engine);
  return ProtectFor(view.ok() ? &view->record.config() : nullptr);
}

}  // namespace

int CmdStart(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const ParsedCommand& parsed = invocation.parsed();
  if (const absl::Status status = ProtectForNamed(invocation, engine); !status.ok())
    return invocation.Fail(status);
  if (parsed.GetBool("attach") || parsed.GetBool("interactive")) {
    const absl::StatusOr<int> code = StartAttached(invocation, engine);
    return code.ok() ? *code : invocation.Fail(code.status());
  }
  SelectOptions options;
  options.eligible = [](const ContainerView& view) { return !engine::IsRunning(view); };
  return ForEachSelected(invocation, engine, options, [&engine](Selection& selection) {
    return StartOne(engine, selection.view.record.id(), /*attach=*/false).status();
  });
}

int CmdRestart(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const ParsedCommand& parsed = invocation.parsed();
  if (const absl::Status status = ProtectForNamed(invocation, engine); !status.ok())
    return invocation.Fail(status);
  const std::optional<uint32_t> timeout = StopTimeOption(parsed);
  SelectOptions options;
  if (parsed.GetBool("running")) options.eligible = engine::IsRunning;
  const absl::StatusOr<std::optional<int>> signal = StopSignalOption(parsed);
  if (!signal.ok()) return invocation.Fail(signal.status());
  return ForEachSelected(invocation, engine, options, [&](Selection& selection) -> absl::Status {
    RETURN_IF_ERROR(engine::Stop(engine, selection.view, timeout, *signal));
    store::AppendEvent(engine.store, store::ContainerEvent(selection.view.record, "restart"));
    return StartOne(engine, selection.view.record.id(), /*attach=*/false).status();
  });
}

}  // namespace coracle::cli
