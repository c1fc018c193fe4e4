// diff.
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status.h"
#include "cli/commands_storage.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "engine/changes.h"

namespace coracle::cli {
namespace {

using storage::Change;
using storage::ChangeKind;

std::string AsJson(const std::vector<Change>& changes) {
  Json object = Json::object();
  constexpr std::pair<ChangeKind, const char*> kKinds[] = {
      {ChangeKind::kModified, "changed"}, {ChangeKind::kAdded, "added"}, {ChangeKind::kDeleted, "deleted"}};
  for (const auto& [kind, key] : kKinds) {
    Json paths = Json::array();
    for (const Change& change : changes) {
      if (change.kind == kind) paths.push_back(absl::StrCat("/", change.path));
    }
    if (!paths.empty()) object[key] = std::move(paths);
  }
  return DumpJson(object, 4);
}

absl::Status Diff(Invocation& invocation) {
  const std::string format = invocation.parsed().GetString("format");
  if (!format.empty() && format != "json") {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("--format ", format, ": only json is understood")), 125);
  }
  engine::Engine engine = MakeEngine(invocation);
  std::vector<std::string> names = invocation.args();
  if (invocation.parsed().GetBool("latest")) {
    ASSIGN_OR_RETURN(const engine::ContainerView view, engine::Latest(engine));
    names.insert(names.begin(), view.record.id());
  }
  if (names.size() > 2) return WithExitCode(absl::InvalidArgumentError("diff takes at most two names"), 125);
  ASSIGN_OR_RETURN(const std::vector<Change> changes,
                   engine::Diff(engine, names[0], names.size() > 1 ? names[1] : ""));
  if (format == "json") {
    invocation.out().WriteLine(AsJson(changes));
    return absl::OkStatus();
  }
  for (const Change& change : changes) {
    invocation.out().WriteLine(
        absl::StrCat(std::string(1, static_cast<char>(change.kind)), " /", change.path));
  }
  return absl::OkStatus();
}

}  // namespace

int CmdDiff(Invocation& invocation) { return invocation.Fail(Diff(invocation)); }

}  // namespace coracle::cli
