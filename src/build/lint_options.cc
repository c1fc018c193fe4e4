#include "build/lint_options.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::build {
namespace {

void ReadRules(absl::string_view value, bool* all, std::set<std::string>* rules) {
  if (value == "all") {
    *all = true;
    return;
  }
  for (const absl::string_view rule : absl::StrSplit(value, ',')) {
    const absl::string_view name = absl::StripAsciiWhitespace(rule);
    if (!name.empty()) rules->emplace(name);
  }
}

}  // namespace

absl::StatusOr<LintOptions> LintOptions::Parse(absl::string_view text) {
  LintOptions out;
  for (const absl::string_view part : absl::StrSplit(text, ';')) {
    if (absl::StripAsciiWhitespace(part).empty()) continue;
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(halves.first);
    const absl::string_view value = absl::StripAsciiWhitespace(halves.second);
    if (key == "skip" && !value.empty()) {
      ReadRules(value, &out.skip_all, &out.skip);
    } else if (key == "experimental" && !value.empty()) {
      ReadRules(value, &out.experimental_all, &out.experimental);
    } else if (key == "error" && (value == "true" || value == "false" || value == "1" || value == "0")) {
      out.error = value == "true" || value == "1";
    } else {
      return WithHint(
          absl::InvalidArgumentError(absl::StrCat("check option \"", Printable(part), "\" is not known")),
          "skip=RULE,..., error=true or experimental=RULE,...");
    }
  }
  return out;
}

LintOptions LintOptions::With(const std::vector<std::string>& comments) const {
  LintOptions out = *this;
  for (const std::string& comment : comments) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(comment, absl::MaxSplits('=', 1));
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(halves.first), "check")) continue;
    const absl::StatusOr<LintOptions> more = Parse(halves.second);
    if (!more.ok()) continue;  // a comment like any other
    out.skip_all |= more->skip_all;
    out.skip.insert(more->skip.begin(), more->skip.end());
    out.experimental_all |= more->experimental_all;
    out.experimental.insert(more->experimental.begin(), more->experimental.end());
  }
  return out;
}

bool LintOptions::Wants(absl::string_view rule, bool is_experimental) const {
  const std::string name(rule);
  if (is_experimental && !experimental_all && experimental.count(name) == 0) return false;
  if (is_experimental && experimental.count(name) != 0) return true;
  return !skip_all && skip.count(name) == 0;
}

}  // namespace coracle::build
