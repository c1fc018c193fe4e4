// port.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/container_json.h"
#include "cli/invocation.h"
#include "cli/publish_syntax.h"
#include "cli/select.h"

namespace coracle::cli {
namespace {

void PrintAll(Invocation& invocation, const engine::ContainerView& view, bool with_id) {
  for (const ShownPort& port : PublishedPorts(view)) {
    const std::string id = with_id ? absl::StrCat(view.record.id().substr(0, 12), "\t") : "";
    invocation.out().WriteLine(absl::StrCat(id, port.port, "/", port.protocol, " -> ", port.host));
  }
}

absl::Status OfAll(Invocation& invocation, engine::Engine& engine) {
  ASSIGN_OR_RETURN(const std::vector<engine::ContainerView> views, engine::LookAll(engine));
  for (const engine::ContainerView& view : views) {
    if (engine::IsRunning(view)) PrintAll(invocation, view, /*with_id=*/true);
  }
  return absl::OkStatus();
}

absl::Status OfOne(Invocation& invocation, const engine::ContainerView& view, const std::string& query) {
  if (query.empty()) {
    PrintAll(invocation, view, /*with_id=*/false);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const PortQuery wanted, ParsePortQuery(query));
  bool found = false;
  for (const ShownPort& port : PublishedPorts(view)) {
    if (port.port != wanted.port || port.protocol != wanted.protocol) continue;
    found = true;
    invocation.out().WriteLine(port.host);
  }
  if (found) return absl::OkStatus();
  return WithExitCode(absl::NotFoundError(absl::StrCat("no public port ", wanted.port, "/", wanted.protocol,
                                                       " published for ", view.record.name())),
                      125);
}

absl::Status Run(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  const std::vector<std::string>& args = invocation.args();
  if (parsed.GetBool("all")) {
    if (!args.empty() || parsed.GetBool("latest")) {
      return WithExitCode(absl::InvalidArgumentError("--all and named containers exclude each other"), 125);
    }
    return OfAll(invocation, engine);
  }
  ASSIGN_OR_RETURN(const engine::ContainerView view, SelectOne(invocation, engine));
  const size_t at = parsed.GetBool("latest") ? 0 : 1;
  return OfOne(invocation, view, args.size() > at ? args[at] : "");
}

}  // namespace

int CmdPort(Invocation& invocation) { return invocation.Fail(Run(invocation)); }

}  // namespace coracle::cli
