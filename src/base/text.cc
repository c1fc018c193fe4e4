#include "base/text.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace coracle {
namespace {

// Bytes of the valid UTF-8 sequence at the start of `text`; 0 if it is not valid (RFC 3629: no overlong
// forms, no surrogates, at most U+10FFFF).
size_t Utf8SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  size_t length = 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  if (first >= 0xe0 && first <= 0xef) length = 3;
  if (first >= 0xf0 && first <= 0xf4) length = 4;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return length;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const uint8_t first = static_cast<uint8_t>(text[0]);
    const size_t length = Utf8SequenceLength(text);
    const bool c1 = length == 2 && first == 0xc2 && static_cast<uint8_t>(text[1]) < 0xa0;
    if (length == 0 || c1 || first < 0x20 || first == 0x7f) {
      absl::StrAppend(&out, "\\x", absl::Hex(first, absl::kZeroPad2));
      text.remove_prefix(1);
      continue;
    }
    out.append(text.data(), length);
    text.remove_prefix(length);
  }
  return out;
}

absl::string_view ShortId(absl::string_view id) { return id.substr(0, 12); }

}  // namespace coracle
