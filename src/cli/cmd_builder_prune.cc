// builder prune: what builds keep of their steps goes.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/filter.h"
#include "base/size.h"
#include "base/status.h"
#include "base/time_format.h"
#include "cli/commands.h"
#include "cli/container_options.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/build_cache.h"

namespace coracle::cli {
namespace {

constexpr absl::string_view kFilterKeys[] = {"until", "unused-for"};

absl::Status Prune(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::BuildPruning pruning;
  pruning.all = parsed.GetBool("all");
  if (parsed.WasSet("keep-storage")) {
    ASSIGN_OR_RETURN(pruning.keep_bytes, ParseSize(parsed.GetString("keep-storage")), "--keep-storage");
  }
  auto filters = Filters::Parse(parsed.GetList("filter"), kFilterKeys);
  if (!filters.ok()) return WithExitCode(filters.status(), 125);
  for (const absl::string_view key : kFilterKeys) {
    for (const std::string& value : filters->Values(key)) {
      const absl::Time now = absl::Now();
      const auto time = ParseTimeReference(value, now, absl::LocalTimeZone());
      if (!time.ok()) return WithExitCode(Annotate(time.status(), absl::StrCat("--filter ", key)), 125);
      pruning.unused = std::max(pruning.unused, now - *time);
    }
  }
  const absl::string_view question = pruning.all ? "Remove everything that builds keep of their steps?"
                                                 : "Remove what builds keep of steps that no image has?";
  if (!parsed.GetBool("force") && !invocation.Confirm(question)) return absl::OkStatus();
  engine::Engine engine = MakeEngine(invocation);
  ASSIGN_OR_RETURN(const engine::BuildPruned pruned, engine::PruneBuildCache(engine, pruning));
  if (!pruned.keys.empty()) invocation.out().WriteLine("Deleted build cache objects:");
  for (const std::string& key : pruned.keys) invocation.out().WriteLine(key);
  invocation.out().WriteLine(absl::StrCat("Total reclaimed space: ", HumanSize(pruned.bytes)));
  return absl::OkStatus();
}

}  // namespace

int CmdBuilderPrune(Invocation& invocation) { return invocation.Fail(Prune(invocation)); }

}  // namespace coracle::cli
