// Text that came from outside, made safe to show.
#ifndef CORACLE_BASE_TEXT_H_
#define CORACLE_BASE_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace coracle {

// `text` with control characters (C0, DEL, and C1 in its UTF-8 form) written as \xNN, so that names from
// images and users cannot send escape sequences to a terminal. Valid UTF-8 otherwise stays; an invalid byte
// becomes \xNN.
std::string Printable(absl::string_view text);

// The first 12 characters of a 64-digit id; the whole if shorter.
absl::string_view ShortId(absl::string_view id);

}  // namespace coracle

#endif  // CORACLE_BASE_TEXT_H_
