#include "registry/link_header.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace coracle::registry {
namespace {

// Takes what stands before the next `separator` that is not inside quotes, and the separator.
absl::string_view TakeUntil(absl::string_view& rest, char separator) {
  bool quoted = false;
  size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (rest[end] == '\\' && quoted) {
      ++end;
    } else if (rest[end] == '"') {
      quoted = !quoted;
    } else if (rest[end] == separator && !quoted) {
      break;
    }
  }
  end = std::min(end, rest.size());
  const absl::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

bool IsNext(absl::string_view parameters) {
  while (!parameters.empty()) {
    const absl::string_view parameter = TakeUntil(parameters, ';');
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(parameter, absl::MaxSplits('=', 1));
    if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(pair.first), "rel")) continue;
    absl::string_view value = absl::StripAsciiWhitespace(pair.second);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    // Several relations may share the parameter.
    for (absl::string_view relation : absl::StrSplit(value, ' ')) {
      if (absl::EqualsIgnoreCase(relation, "next")) return true;
    }
    return false;  // RFC 8288: a second "rel" does not count
  }
  return false;
}

}  // namespace

std::string NextLink(absl::string_view value) {
  while (true) {
    value = absl::StripLeadingAsciiWhitespace(value);
    while (!value.empty() && value.front() == ',') value = absl::StripLeadingAsciiWhitespace(value.substr(1));
    if (value.empty() || value.front() != '<') return "";
    const size_t end = value.find('>');
    if (end == absl::string_view::npos) return "";
    const absl::string_view target = value.substr(1, end - 1);
    value.remove_prefix(end + 1);
    if (IsNext(TakeUntil(value, ','))) return std::string(target);
  }
}

}  // namespace coracle::registry
