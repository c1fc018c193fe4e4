// The little of UTF-8 that a log writer needs. Source: RFC 3629, section 4.
#ifndef CORACLE_MONITOR_UTF8_H_
#define CORACLE_MONITOR_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace coracle::monitor {

namespace utf8_internal {
inline size_t LengthByLead(unsigned char c) {
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return 2;
  if (c >= 0xe0 && c <= 0xef) return 3;
  if (c >= 0xf0 && c <= 0xf4) return 4;
  return 0;
}
// Whether `c` may follow `lead` as second byte: no overlong form, no surrogate, nothing over U+10FFFF.
inline bool SecondFits(unsigned char lead, unsigned char c) {
  if (lead == 0xe0) return c >= 0xa0 && c <= 0xbf;
  if (lead == 0xed) return c >= 0x80 && c <= 0x9f;
  if (lead == 0xf0) return c >= 0x90 && c <= 0xbf;
  if (lead == 0xf4) return c >= 0x80 && c <= 0x8f;
  return (c & 0xc0) == 0x80;
}
inline bool Fits(absl::string_view text, size_t size) {
  for (size_t i = 1; i < size; ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (i == 1 ? !SecondFits(static_cast<unsigned char>(text[0]), c) : (c & 0xc0) != 0x80) return false;
  }
  return true;
}
}  // namespace utf8_internal

// Bytes of the character `text` begins with; 0 if it begins with none.
inline size_t Utf8SequenceSize(absl::string_view text) {
  if (text.empty()) return 0;
  const size_t size = utf8_internal::LengthByLead(static_cast<unsigned char>(text[0]));
  return size <= text.size() && size != 0 && utf8_internal::Fits(text, size) ? size : 0;
}

// Bytes at the end that are the beginning of a character (0 to 3).
inline size_t Utf8IncompleteTail(absl::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const absl::string_view tail = text.substr(text.size() - back);
    const unsigned char c = static_cast<unsigned char>(tail[0]);
    if ((c & 0xc0) == 0x80) continue;
    return utf8_internal::LengthByLead(c) > back && utf8_internal::Fits(tail, back) ? back : 0;
  }
  return 0;
}

}  // namespace coracle::monitor

#endif  // CORACLE_MONITOR_UTF8_H_
