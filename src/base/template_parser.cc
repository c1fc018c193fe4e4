#include "base/template_parser.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "base/template.h"
#include "base/template_funcs.h"
#include "base/template_lexer.h"
#include "base/text.h"

namespace coracle::template_internal {
namespace {

// "1.8p4" behind "0x", with a sign in front.
bool ParseHexFloat(const std::string& digits, Json& value) {
  if (digits.find_first_not_of("0123456789abcdefABCDEF.pP+-") != std::string::npos) return false;
  const bool negative = digits[0] == '-';
  const std::string text = absl::StrCat(negative ? "-" : "", "0x", digits.substr(negative ? 1 : 0));
  char* end = nullptr;
  const double number = strtod(text.c_str(), &end);
  if (*end != '\0' || number - number != 0) return false;
  value = number;
  return true;
}

// A Go number literal: decimal, 0x, 0o, 0b, 0-octal, '_' between digits, floats.
bool ParseNumber(const std::string& text, Json& value) {
  std::string digits = absl::StrReplaceAll(text, {{"_", ""}});
  if (digits.empty() || absl::StartsWith(text, "_") || absl::EndsWith(text, "_") ||
      absl::StrContains(text, "__")) {
    return false;
  }
  const bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.erase(0, 1);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const char kind = digits[1];
    if (kind == 'x' || kind == 'X') base = 16;
    if (kind == 'b' || kind == 'B') base = 2;
    if (kind == 'o' || kind == 'O') base = 8;
    if (base != 10) digits.erase(0, 2);
    if (base == 10 && digits.find_first_not_of("0123456789") == std::string::npos) base = 8;
  }
  if (digits.empty() || digits[0] == '+' || digits[0] == '-') return false;
  if (negative) digits.insert(0, "-");
  int64_t integer = 0;
  // absl has no other bases than 10 and 16 in public; strtoll reads no prefix with a given base but 16.
  if (base == 10 && absl::SimpleAtoi(digits, &integer)) {
    value = integer;
    return true;
  }
  if (base == 16 && digits.find_first_of("pP") != std::string::npos) return ParseHexFloat(digits, value);
  if (base != 10) {
    char* end = nullptr;
    errno = 0;
    integer = strtoll(digits.c_str(), &end, base);
    if (*end == '\0' && errno == 0 && digits.find_first_of("xX") == std::string::npos) {
      value = integer;
      return true;
    }
    return false;
  }
  double number = 0;
  const bool float_like = digits.find_first_not_of("0123456789.eE+-") == std::string::npos;
  const bool too_large = digits.find_first_of(".eE") == std::string::npos;  // an integer that did not fit
  if (!float_like || too_large || !absl::SimpleAtod(digits, &number) || number - number != 0) return false;
  value = number;
  return true;
}

bool IsKeyword(absl::string_view word) {
  static constexpr absl::string_view kKeywords[] = {"if",    "else",     "end",    "range", "with",
                                                    "block", "template", "define", "break", "continue"};
  for (const absl::string_view keyword : kKeywords) {
    if (word == keyword) return true;
  }
  return false;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<Program> Run() {
    variables_ = {"$"};
    std::string stop;
    RETURN_IF_ERROR(List(program_.main, stop, /*top=*/true));
    if (!stop.empty()) return Error(absl::StrCat("unexpected {{", stop, "}}"));
    return std::move(program_);
  }

 private:
  using Kind = Token::Kind;

  const Token& Peek() const { return tokens_[next_]; }
  const Token& Take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  void SkipSpace() {
    while (Peek().kind == Kind::kSpace) Take();
  }
  absl::Status Error(absl::string_view message) const { return TemplateError(Peek().position, message); }
  absl::Status Unexpected(absl::string_view where) const {
    const Token& token = Peek();
    if (token.kind == Kind::kEnd) return Error("unexpected EOF");
    const std::string shown = token.kind == Kind::kClose ? "}}" : token.text;
    return Error(absl::StrCat("unexpected \"", Printable(shown), "\" in ", where));
  }
  bool AtWord(absl::string_view word) const {
    return Peek().kind == Kind::kIdentifier && Peek().text == word;
  }

  absl::Status Close(absl::string_view where) {
    SkipSpace();
    if (Peek().kind != Kind::kClose) return Unexpected(where);
    Take();
    return absl::OkStatus();
  }

  // Nodes up to {{end}} or {{else}}, which is left in `stop` with the position behind its word, or to the
  // end.
  absl::Status List(std::vector<Node>& nodes, std::string& stop, bool top) {
    if (++depth_ > kMaxTemplateDepth) return Error("nested too deeply");
    stop.clear();
    while (Peek().kind != Kind::kEnd && stop.empty()) {
      if (Peek().kind == Kind::kText) {
        Node node;
        node.position = Peek().position;
        node.text = Take().text;
        nodes.push_back(std::move(node));
        continue;
      }
      Take();  // kOpen: nothing else stands between actions
      SkipSpace();
      RETURN_IF_ERROR(Action(nodes, stop, top));
    }
    --depth_;
    return absl::OkStatus();
  }

  absl::Status Action(std::vector<Node>& nodes, std::string& stop, bool top) {
    const Position position = Peek().position;
    if (Peek().kind == Kind::kIdentifier && IsKeyword(Peek().text)) {
      const std::string word = Take().text;
      if (word == "end" || word == "else") {
        stop = word;
        return absl::OkStatus();
      }
      if (word == "define")
        return top ? Define() : TemplateError(position, "unexpected {{define}}: it stands at the top only");
      if (word == "break" || word == "continue") return LoopWord(nodes, word, position);
      if (word == "template" || word == "block") return Invoke(nodes, word == "block", position);
      return Control(nodes, word, position);
    }
    Node node;
    node.kind = Node::Kind::kAction;
    node.position = position;
    node.pipe = std::make_unique<Pipe>();
    RETURN_IF_ERROR(Pipeline(*node.pipe, "command", Kind::kClose, /*in_range=*/false));
    Take();
    nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::Status LoopWord(std::vector<Node>& nodes, const std::string& word, Position position) {
    if (range_depth_ == 0) return TemplateError(position, absl::StrCat("{{", word, "}} outside {{range}}"));
    Node node;
    node.kind = word == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
    node.position = position;
    nodes.push_back(std::move(node));
    return Close(word);
  }

  // {{if}}, {{with}}, {{range}} behind their word.
  absl::Status Control(std::vector<Node>& nodes, const std::string& word, Position position) {
    if (++depth_ > kMaxTemplateDepth) return Error("nested too deeply");
    Node node;
    node.kind = word == "if" ? Node::Kind::kIf : word == "with" ? Node::Kind::kWith : Node::Kind::kRange;
    node.position = position;
    node.pipe = std::make_unique<Pipe>();
    const bool is_range = word == "range";
    const size_t mark = variables_.size();
    RETURN_IF_ERROR(Pipeline(*node.pipe, word, Kind::kClose, is_range));
    Take();
    const size_t inner_mark = variables_.size();
    range_depth_ += is_range ? 1 : 0;
    std::string stop;
    RETURN_IF_ERROR(List(node.body, stop, /*top=*/false));
    range_depth_ -= is_range ? 1 : 0;
    variables_.resize(inner_mark);
    bool closed = false;  // the {{end}} of a chained else was the end of this too
    if (stop == "else") RETURN_IF_ERROR(Else(node, word, stop, closed));
    if (stop != "end") return Error("unexpected EOF");
    variables_.resize(mark);
    nodes.push_back(std::move(node));
    --depth_;
    return closed ? absl::OkStatus() : Close("end");
  }

  // Behind the word "else": "}}", or " if PIPE}}", whose {{end}} ends the outer one too.
  absl::Status Else(Node& node, const std::string& word, std::string& stop, bool& closed) {
    SkipSpace();
    const bool chained = (word == "if" && AtWord("if")) || (word == "with" && AtWord("with"));
    if (chained) {
      const Position position = Peek().position;
      Take();
      RETURN_IF_ERROR(Control(node.otherwise, word, position));
      stop = "end";
      closed = true;
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Close("else"));
    RETURN_IF_ERROR(List(node.otherwise, stop, /*top=*/false));
    if (stop == "else") return Error("expected end; found {{else}}");
    return absl::OkStatus();
  }

  absl::Status Name(std::string& name, absl::string_view where) {
    SkipSpace();
    if (Peek().kind != Kind::kString) return Unexpected(absl::StrCat(where, " clause"));
    name = Take().text;
    SkipSpace();
    return absl::OkStatus();
  }

  absl::Status Body(std::vector<Node>& nodes, absl::string_view where) {
    const std::vector<std::string> outer = std::exchange(variables_, {"$"});
    const int outer_ranges = std::exchange(range_depth_, 0);
    std::string stop;
    RETURN_IF_ERROR(List(nodes, stop, /*top=*/false));
    if (stop != "end") return stop.empty() ? Error("unexpected EOF") : Unexpected(where);
    variables_ = outer;
    range_depth_ = outer_ranges;
    return Close("end");
  }

  absl::Status AddDefinition(const std::string& name, std::vector<Node> nodes) {
    if (!program_.defined.try_emplace(name, std::move(nodes)).second) {
      return Error(absl::StrCat("multiple definition of template \"", Printable(name), "\""));
    }
    return absl::OkStatus();
  }

  absl::Status Define() {
    std::string name;
    RETURN_IF_ERROR(Name(name, "define"));
    RETURN_IF_ERROR(Close("define clause"));
    std::vector<Node> nodes;
    RETURN_IF_ERROR(Body(nodes, "define"));
    return AddDefinition(name, std::move(nodes));
  }

  // {{template "name" PIPE}} and {{block "name" PIPE}}…{{end}}, which defines and uses it.
  absl::Status Invoke(std::vector<Node>& nodes, bool block, Position position) {
    Node node;
    node.kind = Node::Kind::kTemplate;
    node.position = position;
    RETURN_IF_ERROR(Name(node.text, block ? "block" : "template"));
    if (Peek().kind != Kind::kClose || block) {
      node.pipe = std::make_unique<Pipe>();
      RETURN_IF_ERROR(Pipeline(*node.pipe, block ? "block" : "template", Kind::kClose, /*in_range=*/false));
    }
    Take();
    if (block) {
      std::vector<Node> body;
      RETURN_IF_ERROR(Body(body, "block"));
      RETURN_IF_ERROR(AddDefinition(node.text, std::move(body)));
    }
    nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  // "$x :=", "$x =", and in a range "$i, $x :=": only then are the tokens taken.
  absl::Status Declarations(Pipe& pipe, bool in_range) {
    if (Peek().kind != Kind::kVariable) return absl::OkStatus();
    const size_t start = next_;
    std::vector<std::string> names = {Take().text};
    SkipSpace();
    if (in_range && Peek().kind == Kind::kComma) {
      Take();
      SkipSpace();
      if (Peek().kind != Kind::kVariable) return Error("range can only initialize variables");
      names.push_back(Take().text);
      SkipSpace();
    }
    if (Peek().kind != Kind::kDeclare && Peek().kind != Kind::kAssign) {
      if (names.size() > 1) return Unexpected("range");
      next_ = start;
      return absl::OkStatus();
    }
    pipe.assigns = Take().kind == Kind::kAssign;
    for (const std::string& name : names) {
      if (pipe.assigns && !IsDeclared(name)) return Error(absl::StrCat("undefined variable \"", name, "\""));
    }
    pipe.variables = std::move(names);
    SkipSpace();
    return absl::OkStatus();
  }

  bool IsDeclared(absl::string_view name) const {
    for (const std::string& variable : variables_) {
      if (variable == name) return true;
    }
    return false;
  }

  // Up to the token `end`, which is not taken.
  absl::Status Pipeline(Pipe& pipe, absl::string_view where, Token::Kind end, bool in_range) {
    if (++depth_ > kMaxTemplateDepth) return Error("nested too deeply");
    SkipSpace();
    pipe.position = Peek().position;
    RETURN_IF_ERROR(Declarations(pipe, in_range));
    for (;;) {
      SkipSpace();
      Call call;
      RETURN_IF_ERROR(OneCall(call, end));
      if (call.operands.empty()) return Error(absl::StrCat("missing value for ", where));
      if (!pipe.calls.empty() && call.operands[0].kind != Operand::Kind::kFunction &&
          call.operands[0].fields.empty()) {
        return TemplateError(call.operands[0].position, "non executable command in pipeline");
      }
      pipe.calls.push_back(std::move(call));
      if (Peek().kind == end) break;
      if (Peek().kind != Kind::kPipe) return Unexpected(where);
      Take();
    }
    if (!pipe.assigns) variables_.insert(variables_.end(), pipe.variables.begin(), pipe.variables.end());
    --depth_;
    return absl::OkStatus();
  }

  absl::Status OneCall(Call& call, Token::Kind end) {
    for (;;) {
      SkipSpace();
      if (Peek().kind == end || Peek().kind == Kind::kPipe) return absl::OkStatus();
      Operand operand;
      RETURN_IF_ERROR(OneOperand(operand));
      call.operands.push_back(std::move(operand));
      if (Peek().kind != Kind::kSpace && Peek().kind != end && Peek().kind != Kind::kPipe)
        return Unexpected("operand");
    }
  }

  absl::Status OneOperand(Operand& operand) {
    operand.position = Peek().position;
    const Token& token = Peek();
    switch (token.kind) {
      case Kind::kDot:
        Take();
        break;
      case Kind::kField:
        break;  // of dot; taken below
      case Kind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = token.text;
        if (!IsDeclared(operand.name))
          return Error(absl::StrCat("undefined variable \"", operand.name, "\""));
        Take();
        break;
      case Kind::kString:
      case Kind::kChar:
      case Kind::kNumber:
        RETURN_IF_ERROR(Constant(operand));
        break;
      case Kind::kIdentifier:
        RETURN_IF_ERROR(Identifier(operand));
        break;
      case Kind::kLeftParen:
        Take();
        operand.kind = Operand::Kind::kPipe;
        operand.pipe = std::make_unique<Pipe>();
        RETURN_IF_ERROR(
            Pipeline(*operand.pipe, "parenthesized pipeline", Kind::kRightParen, /*in_range=*/false));
        Take();
        break;
      default:
        return Unexpected("operand");
    }
    const bool plain = token.kind != Kind::kField && operand.kind != Operand::Kind::kVariable &&
                       operand.kind != Operand::Kind::kFunction && operand.kind != Operand::Kind::kPipe;
    if (plain && Peek().kind == Kind::kField) return Error("unexpected . after term");
    while (Peek().kind == Kind::kField) operand.fields.push_back(Take().text);
    return absl::OkStatus();
  }

  absl::Status Constant(Operand& operand) {
    operand.kind = Operand::Kind::kConstant;
    const Token& token = Peek();
    if (token.kind == Kind::kString) {
      operand.constant = token.text;
    } else if (!ParseNumber(token.text, operand.constant)) {
      return Error(absl::StrCat("bad number syntax: \"", Printable(token.text), "\""));
    }
    Take();
    return absl::OkStatus();
  }

  absl::Status Identifier(Operand& operand) {
    const std::string& word = Peek().text;
    if (word == "true" || word == "false") {
      operand.kind = Operand::Kind::kConstant;
      operand.constant = word == "true";
    } else if (word == "nil") {
      operand.kind = Operand::Kind::kNil;
    } else if (IsKeyword(word)) {
      return Unexpected("operand");
    } else if (!HasFunction(word)) {
      return Error(absl::StrCat("function \"", Printable(word), "\" not defined"));
    } else {
      operand.kind = Operand::Kind::kFunction;
      operand.name = word;
    }
    Take();
    return absl::OkStatus();
  }

  std::vector<Token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
  int range_depth_ = 0;
  std::vector<std::string> variables_;
  Program program_;
};

}  // namespace

absl::StatusOr<Program> ParseProgram(absl::string_view text) {
  if (text.size() > kMaxTemplateBytes) {
    return absl::InvalidArgumentError(absl::StrCat("template: longer than ", kMaxTemplateBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens)).Run();
}

}  // namespace coracle::template_internal
