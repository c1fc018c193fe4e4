// pause, unpause and rename.
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"

namespace coracle::cli {

int CmdPause(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  SelectOptions options;
  options.eligible = [](const engine::ContainerView& view) { return view.state.status() == store::RUNNING; };
  return ForEachSelected(invocation, engine, options,
                         [&engine](Selection& selection) { return engine::Pause(engine, selection.view); });
}

int CmdUnpause(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  SelectOptions options;
  options.eligible = [](const engine::ContainerView& view) { return view.state.status() == store::PAUSED; };
  return ForEachSelected(invocation, engine, options,
                         [&engine](Selection& selection) { return engine::Unpause(engine, selection.view); });
}

int CmdRename(Invocation& invocation) {
  engine::Engine engine = MakeEngine(invocation);
  const auto view = engine::Look(engine, invocation.args()[0]);
  if (!view.ok()) return invocation.Fail(view.status());
  return invocation.Fail(engine::Rename(engine, *view, invocation.args()[1]));
}

}  // namespace coracle::cli
