#include "monitor/detach_keys.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"

namespace coracle::monitor {
namespace {

constexpr size_t kMaxKeys = 32;

absl::StatusOr<char> ParseKey(absl::string_view key) {
  if (key.size() == 1) return key[0];
  if (absl::StartsWithIgnoreCase(key, "ctrl-") && key.size() == 6) {
    char c = key[5];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || absl::string_view("@[\\]^_").find(c) != absl::string_view::npos) {
      return static_cast<char>(c & 0x1f);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("invalid detach key '", Printable(key), "'"));
}

}  // namespace

absl::StatusOr<std::string> ParseDetachKeys(absl::string_view text) {
  std::string keys;
  if (text.empty()) return keys;
  const std::vector<std::string> names = absl::StrSplit(text, ',');
  if (names.size() > kMaxKeys) return absl::InvalidArgumentError("too many detach keys");
  for (const std::string& name : names) {
    const absl::StatusOr<char> key = ParseKey(name);
    if (!key.ok()) return key.status();
    keys.push_back(*key);
  }
  return keys;
}

bool DetachScanner::Scan(absl::string_view input, std::string* out) {
  if (keys_.empty()) {
    out->append(input.data(), input.size());
    return false;
  }
  for (const char c : input) {
    // Fall back to the longest beginning of the sequence that the held bytes end in; the rest goes out.
    while (matched_ > 0 && c != keys_[matched_]) {
      size_t shorter = matched_ - 1;
      const absl::string_view held = absl::string_view(keys_).substr(0, matched_);
      while (shorter > 0 && held.substr(matched_ - shorter) != held.substr(0, shorter)) --shorter;
      out->append(keys_, 0, matched_ - shorter);
      matched_ = shorter;
    }
    if (c != keys_[matched_]) {
      out->push_back(c);
    } else if (++matched_ == keys_.size()) {
      matched_ = 0;
      return true;
    }
  }
  return false;
}

}  // namespace coracle::monitor
