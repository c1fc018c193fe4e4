#include "base/utf8.h"

namespace coracle {
namespace {

constexpr uint32_t kMaxCodePoint = 0x10ffff;

bool IsSurrogate(uint32_t c) { return c >= 0xd800 && c <= 0xdfff; }

}  // namespace

uint32_t TakeCodePoint(absl::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  size_t length = 1;
  uint32_t value = first;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
    value = first & 0x1f;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    value = first & 0x0f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    value = first & 0x07;
  }
  bool valid = first < 0x80 || (length > 1 && text.size() >= length);
  for (size_t i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xc0) == 0x80;
    value = value << 6 | (byte(i) & 0x3f);
  }
  static constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // shorter forms exist below
  if (!valid || value < kLeast[length] || IsSurrogate(value) || value > kMaxCodePoint) {
    text.remove_prefix(1);
    return kReplacementCharacter;
  }
  text.remove_prefix(length);
  return value;
}

void AppendCodePoint(std::string& out, uint32_t code_point) {
  uint32_t c = code_point;
  if (IsSurrogate(c) || c > kMaxCodePoint) c = kReplacementCharacter;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t CountCodePoints(absl::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    TakeCodePoint(text);
    ++count;
  }
  return count;
}

}  // namespace coracle
