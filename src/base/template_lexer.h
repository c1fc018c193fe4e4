// The words of a template. Internal to base/template*.
#ifndef CORACLE_BASE_TEMPLATE_LEXER_H_
#define CORACLE_BASE_TEMPLATE_LEXER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/template_ast.h"

namespace coracle::template_internal {

struct Token {
  enum class Kind {
    kText,        // outside of actions, already trimmed; never empty
    kOpen,        // {{
    kClose,       // }}
    kSpace,       // blanks inside an action: they separate operands
    kIdentifier,  // a function, a keyword, true, false, nil
    kField,       // ".Name"; text is Name
    kVariable,    // "$name" or "$"
    kDot,
    kString,  // text is the value, escapes resolved
    kChar,    // text is the decimal code point
    kNumber,  // text as written
    kPipe,
    kLeftParen,
    kRightParen,
    kComma,
    kAssign,   // =
    kDeclare,  // :=
    kEnd,      // of the text
  };
  Kind kind = Kind::kEnd;
  Position position;
  std::string text;
};

// Comments are left out. The last token is kEnd.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text);

}  // namespace coracle::template_internal

#endif  // CORACLE_BASE_TEMPLATE_LEXER_H_
