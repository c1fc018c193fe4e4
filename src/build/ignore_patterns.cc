#include "build/ignore_patterns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"

namespace coracle::build {
namespace {

constexpr size_t kMaxRows = 10000;

}  // namespace

absl::Status IgnorePatterns::Add(absl::string_view pattern) {
  pattern = absl::StripAsciiWhitespace(pattern);
  const bool takes_back = absl::ConsumePrefix(&pattern, "!");
  if (takes_back) pattern = absl::StripAsciiWhitespace(pattern);
  if (pattern.empty()) {
    if (takes_back) return absl::InvalidArgumentError("\"!\" takes nothing back");
    return absl::OkStatus();
  }
  std::string clean = CleanPath(pattern);
  if (clean.size() > 1 && clean[0] == '/') clean.erase(0, 1);
  if (rows_.size() == kMaxRows)
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxRows, " patterns"));
  ASSIGN_OR_RETURN(PathPattern parsed, PathPattern::Parse(clean, /*any_depth=*/true));
  rows_.push_back({std::move(parsed), takes_back});
  return absl::OkStatus();
}

absl::StatusOr<IgnorePatterns> IgnorePatterns::ParseFile(absl::string_view name, absl::string_view text) {
  IgnorePatterns out;
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StartsWith(line, "#")) continue;
    RETURN_IF_ERROR(out.Add(line), Printable(name), ":", number);
  }
  return out;
}

absl::StatusOr<IgnorePatterns> IgnorePatterns::Make(absl::Span<const std::string> patterns) {
  IgnorePatterns out;
  for (const std::string& pattern : patterns) RETURN_IF_ERROR(out.Add(pattern));
  return out;
}

bool IgnorePatterns::Ignores(absl::string_view path, const Above& above, Above* matched) const {
  bool ignored = false;
  if (matched != nullptr) matched->assign(rows_.size(), false);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const bool from_above = i < above.size() && above[i];
    // For the answer only those count that would change it; for what lies below, all.
    if (matched == nullptr && rows_[i].takes_back != ignored) continue;
    if (!from_above && !rows_[i].pattern.Matches(path)) continue;
    ignored = !rows_[i].takes_back;
    if (matched != nullptr) (*matched)[i] = true;
  }
  return ignored;
}

bool IgnorePatterns::Ignores(absl::string_view path) const {
  Above above;
  Above matched;
  bool ignored = false;
  for (size_t end = 0; end < path.size(); ++end) {
    end = std::min(path.find('/', end), path.size());
    ignored = Ignores(path.substr(0, end), above, &matched);
    above = matched;
  }
  return ignored;
}

bool IgnorePatterns::takes_back() const {
  return std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.takes_back; });
}

bool IgnorePatterns::MayTakeBackBelow(absl::string_view path) const {
  for (const Row& row : rows_)
    if (row.takes_back && row.pattern.MayMatchBelow(path)) return true;
  return false;
}

}  // namespace coracle::build
