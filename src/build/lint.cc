#include "build/lint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "build/linter.h"

namespace coracle::build {

absl::Status Linter::Run() {
  for (const Lines& lines : file_.empty_continuations)
    Report(kNoEmptyContinuation, lines, "Empty continuation line");
  CheckCasing();
  CheckStageNames();
  CheckDefaultBases();
  for (const Instruction& arg : file_.global_args) CheckDescription(arg);
  for (size_t i = 0; i < file_.stages.size(); ++i) {
    const Stage& stage = file_.stages[i];
    RETURN_IF_ERROR(CheckFrom(stage));
    RETURN_IF_ERROR(CheckStage(static_cast<int>(i)));
  }
  return absl::OkStatus();
}

std::vector<Finding> Linter::Take() {
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& a, const Finding& b) { return a.lines.first < b.lines.first; });
  return std::move(findings_);
}

void Linter::Report(const Rule& rule, Lines lines, std::string message) {
  if (!options_.Wants(rule.name, rule.experimental)) return;
  findings_.push_back({std::string(rule.name), std::string(rule.description), std::move(message), lines});
}

void Linter::Report(const Rule& rule, const Instruction& instruction, std::string message) {
  if (!options_.With(instruction.comments).Wants(rule.name, rule.experimental)) return;
  findings_.push_back(
      {std::string(rule.name), std::string(rule.description), std::move(message), instruction.lines});
}

absl::StatusOr<LintReport> Lint(const Dockerfile& file, const LintInputs& inputs) {
  absl::StatusOr<LintOptions> options = LintOptions::Parse(inputs.options.value_or(file.directives.check));
  if (!options.ok())
    return AtLines(options.status(), inputs.options.has_value() ? Lines{} : file.directives.check_lines);
  LintReport report;
  const bool error = options->error;
  Linter linter(file, inputs, *std::move(options));
  const absl::Status status = linter.Run();
  if (!status.ok()) {
    const std::optional<Lines> lines = LinesOf(status);
    return Annotate(status, absl::StrCat(Printable(file.name), ":", lines.has_value() ? lines->first : 1));
  }
  report.findings = linter.Take();
  report.is_error = error && !report.findings.empty();
  return report;
}

std::string FormatLintReport(const Dockerfile& file, const LintReport& report) {
  const size_t count = report.findings.size();
  std::string out =
      count == 0 ? "Check complete, no warnings found.\n"
                 : absl::StrCat("Check complete, ", count,
                                count == 1 ? " warning has been found!\n" : " warnings have been found!\n");
  for (const Finding& finding : report.findings) {
    absl::StrAppend(&out, "\nWARNING: ", finding.rule, "\n", finding.message, "\n",
                    SourceExcerpt(file.name, file.text, finding.lines));
  }
  return out;
}

}  // namespace coracle::build
