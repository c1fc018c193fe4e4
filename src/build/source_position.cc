#include "build/source_position.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/text.h"

namespace coracle::build {
namespace {

constexpr char kLines[] = "coracle/source-lines";
// Lines shown before and after, and how much of each.
constexpr int kAround = 2;
constexpr size_t kMaxShownBytes = 160;
// An instruction of more lines shows its first ones only.
constexpr int kMaxMarkedLines = 24;

}  // namespace

absl::Status AtLines(absl::Status status, Lines lines) {
  if (status.ok() || lines.first <= 0 || status.GetPayload(kLines).has_value()) return status;
  status.SetPayload(kLines, absl::Cord(absl::StrCat(lines.first, "-", lines.last)));
  return status;
}

std::optional<Lines> LinesOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kLines);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const std::pair<std::string, std::string> ends = absl::StrSplit(text, absl::MaxSplits('-', 1));
  Lines lines;
  if (!absl::SimpleAtoi(ends.first, &lines.first) || !absl::SimpleAtoi(ends.second, &lines.last))
    return std::nullopt;
  return lines;
}

std::string SourceExcerpt(absl::string_view file, absl::string_view text, Lines lines) {
  const std::vector<absl::string_view> all = absl::StrSplit(text, '\n');
  const int count = static_cast<int>(all.size());
  if (lines.first <= 0 || lines.first > count) return "";
  const int last_marked =
      std::min({std::max(lines.last, lines.first), count, lines.first + kMaxMarkedLines - 1});
  std::string out = absl::StrCat(Printable(file), ":", lines.first, "\n--------------------\n");
  for (int n = std::max(1, lines.first - kAround); n <= std::min(count, last_marked + kAround); ++n) {
    absl::string_view line = absl::StripSuffix(all[n - 1], "\r");
    const bool cut = line.size() > kMaxShownBytes;
    if (cut) line = line.substr(0, kMaxShownBytes);
    const bool marked = n >= lines.first && n <= std::max(lines.last, lines.first);
    std::string shown;
    for (const absl::string_view part : absl::StrSplit(line, '\t'))
      absl::StrAppend(&shown, shown.empty() && part.data() == line.data() ? "" : "\t", Printable(part));
    absl::StrAppendFormat(&out, "%4d | %s %s%s\n", n, marked ? ">>>" : "   ", shown, cut ? "..." : "");
  }
  absl::StrAppend(&out, "--------------------\n");
  return out;
}

}  // namespace coracle::build
