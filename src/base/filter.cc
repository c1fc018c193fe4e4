#include "base/filter.h"

#include <regex.h>

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"

namespace coracle {
namespace {

// regcomp is recursive and its automaton grows with the pattern.
constexpr size_t kMaxPatternBytes = 256;

bool LabelHolds(const Json& labels, absl::string_view term) {
  if (!labels.is_object()) return false;
  const size_t equals = term.find('=');
  const absl::string_view name = term.substr(0, equals);
  const auto value_holds = [&](const Json& value) {
    if (equals == absl::string_view::npos) return true;
    return value.is_string() && value.get_ref<const std::string&>() == term.substr(equals + 1);
  };
  if (absl::EndsWith(name, "*")) {
    const absl::string_view prefix = name.substr(0, name.size() - 1);
    for (const auto& [key, value] : labels.items()) {
      if (absl::StartsWith(key, prefix) && value_holds(value)) return true;
    }
    return false;
  }
  const Json* value = Find(labels, name);
  return value != nullptr && value_holds(*value);
}

}  // namespace

absl::StatusOr<Filters> Filters::Parse(absl::Span<const std::string> args,
                                       absl::Span<const absl::string_view> known_keys) {
  Filters filters;
  for (const std::string& arg : args) {
    const size_t equals = arg.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid filter '", Printable(arg), "': it is no KEY=VALUE"));
    }
    FilterTerm term;
    term.negated = equals > 0 && arg[equals - 1] == '!';
    term.key = absl::AsciiStrToLower(
        absl::StripAsciiWhitespace(absl::string_view(arg).substr(0, equals - (term.negated ? 1 : 0))));
    term.value = std::string(absl::StripAsciiWhitespace(absl::string_view(arg).substr(equals + 1)));
    if (!absl::c_linear_search(known_keys, term.key)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "invalid filter '", Printable(term.key), "': known filters are ", absl::StrJoin(known_keys, ", ")));
    }
    filters.terms_.push_back(std::move(term));
  }
  return filters;
}

bool Filters::Has(absl::string_view key) const {
  return absl::c_any_of(terms_, [&](const FilterTerm& term) { return term.key == key; });
}

std::vector<std::string> Filters::Values(absl::string_view key) const {
  std::vector<std::string> values;
  for (const FilterTerm& term : terms_) {
    if (term.key == key && !term.negated) values.push_back(term.value);
  }
  return values;
}

bool Filters::Match(absl::string_view key, absl::FunctionRef<bool(absl::string_view)> matches) const {
  bool any_plain = false;
  bool held = false;
  for (const FilterTerm& term : terms_) {
    if (term.key != key) continue;
    const bool match = matches(term.value);
    if (term.negated && match) return false;
    any_plain |= !term.negated;
    held |= !term.negated && match;
  }
  return held || !any_plain;
}

bool Filters::MatchValue(absl::string_view key, absl::string_view actual) const {
  return Match(key, [&](absl::string_view value) { return value == actual; });
}

bool Filters::MatchPattern(absl::string_view key, absl::string_view actual) const {
  return Match(key, [&](absl::string_view value) { return MatchesPattern(value, actual); });
}

bool Filters::MatchLabels(const Json& labels, absl::string_view key) const {
  return absl::c_all_of(terms_, [&](const FilterTerm& term) {
    return term.key != key || LabelHolds(labels, term.value) != term.negated;
  });
}

bool MatchesPattern(absl::string_view pattern, absl::string_view text) {
  regex_t regex;
  if (pattern.size() > kMaxPatternBytes ||
      regcomp(&regex, std::string(pattern).c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    return absl::StrContains(text, pattern);
  }
  const bool found = regexec(&regex, std::string(text).c_str(), 0, nullptr, 0) == 0;
  regfree(&regex);
  return found;
}

}  // namespace coracle
