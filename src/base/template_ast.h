// The parsed form of a template. Internal to base/template*.
#ifndef CORACLE_BASE_TEMPLATE_AST_H_
#define CORACLE_BASE_TEMPLATE_AST_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/json.h"

namespace coracle::template_internal {

// A place in the text, counted from 1.
struct Position {
  int line = 1;
  int column = 1;
};

// "template: LINE:COLUMN: MESSAGE", InvalidArgument.
absl::Status TemplateError(Position position, absl::string_view message);

struct Pipe;

// One word of a command, and the fields behind it: ".A.B", "$x.A", "(pipeline).A", "printf", "42".
struct Operand {
  enum class Kind { kDot, kNil, kConstant, kVariable, kFunction, kPipe };
  Kind kind = Kind::kDot;
  Position position;
  std::string name;  // of a variable (with '$') or function
  Json constant;
  std::unique_ptr<Pipe> pipe;
  std::vector<std::string> fields;  // looked up one after the other in the operand's value
};

struct Call {
  std::vector<Operand> operands;  // never empty
};

struct Pipe {
  Position position;
  std::vector<std::string> variables;  // with '$'; set to the value
  bool assigns = false;                // '=' instead of ':='
  std::vector<Call> calls;             // never empty; each gets the value of the one before as last argument
};

struct Node {
  enum class Kind { kText, kAction, kIf, kWith, kRange, kTemplate, kBreak, kContinue };
  Kind kind = Kind::kText;
  Position position;
  std::string text;            // kText; name of kTemplate
  std::unique_ptr<Pipe> pipe;  // null for kTemplate without argument
  std::vector<Node> body;
  std::vector<Node> otherwise;  // else
};

struct Program {
  std::vector<Node> main;
  std::map<std::string, std::vector<Node>, std::less<>> defined;
};

}  // namespace coracle::template_internal

#endif  // CORACLE_BASE_TEMPLATE_AST_H_
