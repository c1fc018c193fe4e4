#include "base/suggest.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/match.h"

namespace coracle {
namespace {

constexpr size_t kMaxWord = 64;
constexpr size_t kMinPrefix = 3;

}  // namespace

size_t EditDistance(absl::string_view a, absl::string_view b) {
  if (a.size() > kMaxWord || b.size() > kMaxWord) return std::numeric_limits<size_t>::max();
  using Row = std::array<size_t, kMaxWord + 1>;
  Row before{};  // two rows up, for swaps
  Row above{};
  Row row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before = above;
    above = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

absl::string_view Nearest(absl::string_view word, absl::Span<const absl::string_view> known) {
  const size_t limit = std::min<size_t>(2, std::max<size_t>(1, word.size() / 3));
  size_t best = limit + 1;
  absl::string_view nearest;
  for (const absl::string_view candidate : known) {
    size_t distance = EditDistance(word, candidate);
    if (word.size() >= kMinPrefix && absl::StartsWith(candidate, word)) distance = std::min(distance, limit);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace coracle
