// Single code points of UTF-8.
#ifndef CORACLE_BASE_UTF8_H_
#define CORACLE_BASE_UTF8_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace coracle {

inline constexpr uint32_t kReplacementCharacter = 0xfffd;

// Takes the first code point of `text`, which is not empty. An invalid byte is taken alone and becomes
// U+FFFD, as in Go.
uint32_t TakeCodePoint(absl::string_view& text);

// Appends `code_point`; a surrogate or one beyond U+10FFFF becomes U+FFFD.
void AppendCodePoint(std::string& out, uint32_t code_point);

// Code points in `text`: columns of a terminal, for all but wide and combining characters.
size_t CountCodePoints(absl::string_view text);

}  // namespace coracle

#endif  // CORACLE_BASE_UTF8_H_
