// network rm and prune.
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/network_json.h"
#include "cli/select.h"
#include "cli/stop_options.h"
#include "engine/networks.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kPruneKeys[] = {"label", "until"};

// podman: 1 for a missing network, 2 for one in use.
int CodeFor(const absl::Status& status) {
  return absl::IsNotFound(status) ? 1 : ExitCodeOf(status).value_or(125);
}

}  // namespace

int CmdNetworkRm(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const bool force = parsed.GetBool("force");
  int code = 0;
  for (const std::string& name : invocation.args()) {
    const auto record = store::ResolveNetwork(engine.store, name);
    const absl::Status status =
        record.ok() ? engine::DeleteNetwork(engine, record->name(), force, StopTimeOption(parsed))
                    : record.status();
    if (status.ok()) {
      invocation.out().WriteLine(name);
    } else if (!(force && absl::IsNotFound(status))) {
      (void)invocation.Fail(status);
      code = CodeFor(status);
    }
  }
  return code;
}

int CmdNetworkPrune(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const auto filter = NetworkFilter::Parse(parsed.GetList("filter"), kPruneKeys);
  if (!filter.ok()) return invocation.Fail(filter.status());
  const bool dry_run = parsed.GetBool("dry-run");
  if (!dry_run && !parsed.GetBool("force") &&
      !invocation.Confirm("Remove all networks that no container uses?")) {
    return 0;
  }
  const auto views = engine::LookAll(engine, /*sweep=*/true);  // what killed processes left uses nothing
  if (!views.ok()) return invocation.Fail(views.status());
  const NetworkUse use = UseOfNetworks(*views);
  const auto networks = store::ReadAllNetworks(engine.store);
  if (!networks.ok()) return invocation.Fail(networks.status());
  int code = 0;
  for (const store::NetworkRecord& network : *networks) {
    if (network.name() == store::kDefaultNetwork || use.count(network.name()) != 0 ||
        !filter->Matches(network, /*in_use=*/false)) {
      continue;
    }
    const absl::Status status =
        dry_run ? absl::OkStatus()
                : engine::DeleteNetwork(engine, network.name(), /*force=*/false, std::nullopt);
    if (status.ok()) {
      invocation.out().WriteLine(network.name());
    } else if (!absl::IsNotFound(status) &&
               !absl::IsFailedPrecondition(status)) {  // else gone or in use meanwhile
      code = invocation.Fail(status);
    }
  }
  return code;
}

}  // namespace coracle::cli
