// volume rm and prune.
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/stop_options.h"
#include "cli/volume_json.h"
#include "cli/volume_prune.h"
#include "engine/volumes.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kPruneKeys[] = {"after", "all", "anonymous", "label", "since", "until"};

// podman: 1 for a missing volume, 2 for one in use.
int CodeFor(const absl::Status& status) {
  return absl::IsNotFound(status) ? 1 : ExitCodeOf(status).value_or(125);
}

}  // namespace

int CmdVolumeRm(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const bool force = parsed.GetBool("force");
  (void)store::Sweep(
      engine.store);  // what killed processes left; its errors are not about what was asked for
  std::vector<std::string> names = invocation.args();
  if (parsed.GetBool("all")) {
    const auto all = store::ListVolumes(engine.store);
    if (!all.ok()) return invocation.Fail(all.status());
    names = *all;
  }
  int code = 0;
  for (const std::string& name : names) {
    const auto full = store::ResolveVolume(engine.store, name);
    const absl::Status status =
        full.ok() ? engine::DeleteVolume(engine, *full, force, StopTimeOption(parsed)) : full.status();
    if (status.ok()) {
      invocation.out().WriteLine(*full);
    } else if (!(force && absl::IsNotFound(status))) {
      (void)invocation.Fail(status);
      code = CodeFor(status);
    }
  }
  return code;
}

int CmdVolumePrune(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const auto filter = VolumeFilter::Parse(engine, parsed.GetList("filter"), kPruneKeys);
  if (!filter.ok()) return invocation.Fail(filter.status());
  const bool dry_run = parsed.GetBool("dry-run");
  if (!dry_run && !parsed.GetBool("force") &&
      !invocation.Confirm("Remove all volumes that no container uses?")) {
    return 0;
  }
  return invocation.Fail(PruneVolumes(engine, *filter, dry_run,
                                      [&](const std::string& name) { invocation.out().WriteLine(name); }));
}

}  // namespace coracle::cli
