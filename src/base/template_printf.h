// Go's fmt.Sprintf over JSON values. Internal to base/template*.
#ifndef CORACLE_BASE_TEMPLATE_PRINTF_H_
#define CORACLE_BASE_TEMPLATE_PRINTF_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/template_value.h"

namespace coracle::template_internal {

// Verbs %v %d %s %q %x %X %o %O %b %c %U %t %e %E %f %F %g %G %T, flags + - # 0 and blank, width and
// precision with
// '*', argument indexes are not known. A verb that does not fit prints Go's complaint: "%!d(string=hi)".
// Errors: ResourceExhausted once the text is longer than `max_bytes`.
absl::StatusOr<std::string> Sprintf(absl::string_view format, absl::Span<const Value> args, size_t max_bytes);

// Go's strconv.Quote: in double quotes, with escapes.
std::string GoQuote(absl::string_view text);

}  // namespace coracle::template_internal

#endif  // CORACLE_BASE_TEMPLATE_PRINTF_H_
