// From text to the parsed form. Internal to base/template*.
#ifndef CORACLE_BASE_TEMPLATE_PARSER_H_
#define CORACLE_BASE_TEMPLATE_PARSER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/template_ast.h"

namespace coracle::template_internal {

// Variables and functions are known to exist in what is returned.
absl::StatusOr<Program> ParseProgram(absl::string_view text);

}  // namespace coracle::template_internal

#endif  // CORACLE_BASE_TEMPLATE_PARSER_H_
