// pull: images from registries into the store.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/commands.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"

namespace coracle::cli {
namespace {

absl::Status Pull(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::PullRequest request;
  ASSIGN_OR_RETURN(request.policy, engine::ParsePullPolicy(parsed.GetString("policy")));
  ASSIGN_OR_RETURN(request.platform, ReadPlatform(parsed));
  request.all_tags = parsed.GetBool("all-tags");
  request.single_id = OnlyOneIdMapped();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, parsed.GetBool("quiet"), "Copying"));
  for (const std::string& name : invocation.args()) {
    const auto pulled = engine::PullImage(engine, transfer->context(), name, request);
    if (!pulled.ok()) return transfer->Result(pulled.status());
    // What is done is told, whatever becomes of the rest.
    for (const engine::PulledImage& image : *pulled) invocation.out().WriteLine(image.id);
    RETURN_IF_ERROR(invocation.out().Flush());
  }
  return absl::OkStatus();
}

}  // namespace

int CmdPull(Invocation& invocation) { return invocation.Fail(Pull(invocation)); }

}  // namespace coracle::cli
