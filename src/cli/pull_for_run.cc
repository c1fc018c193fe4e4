#include "cli/pull_for_run.h"

#include "base/status.h"
#include "cli/transfer_options.h"

namespace coracle::cli {
namespace {

// The name, else the id, that the image has in the store then.
absl::StatusOr<std::string> Fetch(Invocation& invocation, engine::Engine& engine, const std::string& image,
                                  const engine::PullRequest& request) {
  const ParsedCommand& parsed = invocation.parsed();
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, parsed.GetBool("quiet"), "Copying"));
  const auto pulled = engine::PullImage(engine, transfer->context(), image, request);
  if (!pulled.ok()) return transfer->Result(pulled.status());
  const engine::PulledImage& first = pulled->front();
  return first.name.empty() ? first.id : first.name;
}

}  // namespace

absl::Status PullForRun(Invocation& invocation, engine::Engine& engine, engine::CreateRequest& request) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::PullRequest pull;
  ASSIGN_OR_RETURN(pull.policy, engine::ParsePullPolicy(parsed.GetString("pull")));
  ASSIGN_OR_RETURN(pull.platform, ReadPlatform(parsed));
  if (request.image.empty() || pull.policy == engine::PullPolicy::kNever) return absl::OkStatus();
  pull.single_id = OnlyOneIdMapped();
  if (pull.policy == engine::PullPolicy::kMissing && !pull.platform.has_value()) {
    // Nothing is looked at, read or opened unless it is missing.
    request.fetch_image = [&invocation, &engine, pull, image = request.image] {
      return Fetch(invocation, engine, image, pull);
    };
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(request.image, Fetch(invocation, engine, request.image, pull));
  return absl::OkStatus();
}

}  // namespace coracle::cli
