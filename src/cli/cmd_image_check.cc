// image check: every blob and layer in the store held against its digest.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "base/text.h"
#include "cli/commands_archive.h"
#include "cli/invocation.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "engine/check_images.h"

namespace coracle::cli {
namespace {

std::string Line(const image::CheckProblem& problem) {
  std::string line = absl::StrCat(problem.what, ": ", problem.why);
  if (!problem.images.empty()) absl::StrAppend(&line, " (", absl::StrJoin(problem.images, ", "), ")");
  if (problem.repaired) absl::StrAppend(&line, ": repaired");
  if (!problem.not_repaired.empty()) absl::StrAppend(&line, ": not repaired: ", problem.not_repaired);
  return Printable(line);
}

absl::StatusOr<bool> Check(Invocation& invocation) {
  const ParsedCommand& parsed = invocation.parsed();
  engine::Engine engine = MakeEngine(invocation);
  engine::CheckRequest request;
  request.repair = parsed.GetBool("repair");
  request.single_id = OnlyOneIdMapped();
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(parsed, /*quiet=*/true, "Checking"));
  request.access = &transfer->context().access;
  request.cancel = transfer->context().cancel;
  const auto checked = engine::CheckImages(engine, request);
  if (!checked.ok()) return transfer->Result(checked.status());
  const image::CheckReport& report = *checked;
  size_t left = 0;
  for (const image::CheckProblem& problem : report.problems) {
    invocation.out().WriteLine(Line(problem));
    if (!problem.repaired) ++left;
  }
  if (!parsed.GetBool("quiet")) {
    const size_t found = report.problems.size();
    invocation.out().WriteLine(absl::StrCat(
        "images: ", report.images, ", good layers: ", report.layers, ", good blobs: ", report.blobs,
        ", problems: ", found, request.repair ? absl::StrCat(", repaired: ", found - left) : ""));
  }
  return left == 0;
}

}  // namespace

int CmdImageCheck(Invocation& invocation) {
  const auto clean = Check(invocation);
  if (!clean.ok()) return invocation.Fail(clean.status());
  return *clean ? 0 : 1;
}

}  // namespace coracle::cli
