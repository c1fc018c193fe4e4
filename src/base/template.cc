// Execution of parsed templates.
#include "base/template.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/template_ast.h"
#include "base/template_funcs.h"
#include "base/template_parser.h"
#include "base/template_value.h"

namespace coracle {
namespace template_internal {
namespace {

// "RunningFor" is "RUNNING FOR", "CreatedAt" "CREATED AT", "ID" stays.
std::string HeadingOf(absl::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    const bool upper = absl::ascii_isupper(static_cast<unsigned char>(field[i]));
    const bool after_lower = i > 0 && absl::ascii_islower(static_cast<unsigned char>(field[i - 1]));
    if (upper && after_lower) out += ' ';
    out += absl::ascii_toupper(static_cast<unsigned char>(field[i]));
  }
  return out;
}

enum class Flow { kNext, kBreak, kContinue };

class Execution {
 public:
  Execution(const Program& program, const ExecuteOptions& options) : program_(program), options_(options) {}

  absl::StatusOr<std::string> Run(const Json& data) {
    const Value dot = Value::Borrow(&data);
    variables_.emplace_back("$", dot);
    RETURN_IF_ERROR(Walk(program_.main, dot).status());
    return std::move(out_);
  }

 private:
  absl::Status Step() {
    if (++steps_ > kMaxTemplateSteps) return absl::ResourceExhaustedError("template: too many steps");
    return absl::OkStatus();
  }
  absl::Status Charge(size_t bytes) {
    bytes_ += static_cast<int64_t>(bytes);
    if (bytes_ > kMaxTemplateOutput) return absl::ResourceExhaustedError("template: too much output");
    return absl::OkStatus();
  }
  size_t BytesLeft() const { return static_cast<size_t>(kMaxTemplateOutput - bytes_); }

  absl::StatusOr<Flow> Walk(const std::vector<Node>& nodes, const Value& dot) {
    if (++depth_ > kMaxTemplateDepth * 4) {
      return absl::ResourceExhaustedError("template: templates call each other too deeply");
    }
    Flow flow = Flow::kNext;
    for (const Node& node : nodes) {
      RETURN_IF_ERROR(Step());
      ASSIGN_OR_RETURN(flow, One(node, dot));
      if (flow != Flow::kNext) break;
    }
    --depth_;
    return flow;
  }

  absl::Status Emit(absl::string_view text) {
    RETURN_IF_ERROR(Charge(text.size()));
    out_.append(text.data(), text.size());
    return absl::OkStatus();
  }

  absl::StatusOr<Flow> One(const Node& node, const Value& dot) {
    switch (node.kind) {
      case Node::Kind::kText:
        RETURN_IF_ERROR(Emit(node.text));
        return Flow::kNext;
      case Node::Kind::kAction: {
        ASSIGN_OR_RETURN(const Value value, Evaluate(*node.pipe, dot));
        if (node.pipe->variables.empty()) RETURN_IF_ERROR(Emit(PrintValue(value)));
        return Flow::kNext;
      }
      case Node::Kind::kIf:
      case Node::Kind::kWith:
        return Choose(node, dot);
      case Node::Kind::kRange:
        return Range(node, dot);
      case Node::Kind::kTemplate:
        RETURN_IF_ERROR(Invoke(node, dot));
        return Flow::kNext;
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNext;
  }

  absl::StatusOr<Flow> Choose(const Node& node, const Value& dot) {
    const size_t mark = variables_.size();
    ASSIGN_OR_RETURN(const Value value, Evaluate(*node.pipe, dot));
    const bool truth = Truth(value);
    const bool moves_dot = truth && node.kind == Node::Kind::kWith;
    absl::StatusOr<Flow> flow = Walk(truth ? node.body : node.otherwise, moves_dot ? value : dot);
    variables_.resize(mark);
    return flow;
  }

  // Sets the variables of a {{range}} for one round: "$x" the element, "$i, $x" index and element.
  absl::Status SetRangeVariables(const Pipe& pipe, const Value& index, const Value& element) {
    const size_t count = pipe.variables.size();
    if (count == 0) return absl::OkStatus();
    const Value* values[] = {count == 1 ? &element : &index, &element};
    for (size_t i = 0; i < count; ++i) {
      if (pipe.assigns) {
        RETURN_IF_ERROR(Assign(pipe, pipe.variables[i], *values[i]));
      } else {
        variables_.emplace_back(pipe.variables[i], *values[i]);
      }
    }
    return absl::OkStatus();
  }

  // One round; false after {{break}}.
  absl::StatusOr<bool> Round(const Node& node, const Value& index, const Value& element) {
    RETURN_IF_ERROR(Step());
    const size_t mark = variables_.size();
    RETURN_IF_ERROR(SetRangeVariables(*node.pipe, index, element));
    ASSIGN_OR_RETURN(const Flow flow, Walk(node.body, element));
    variables_.resize(mark);
    return flow != Flow::kBreak;
  }

  absl::StatusOr<Flow> Range(const Node& node, const Value& dot) {
    const size_t mark = variables_.size();
    ASSIGN_OR_RETURN(const Value value, EvaluateCalls(*node.pipe, dot));
    bool more = true;
    bool any = false;
    if (value.is_null()) {
      // Nothing to walk, as over a nil slice or map.
    } else if (value.json().is_array()) {
      for (size_t i = 0; more && i < value.json().size(); ++i) {
        any = true;
        ASSIGN_OR_RETURN(
            more, Round(node, Value::Own(Json(static_cast<int64_t>(i))), value.Part(&value.json()[i])));
      }
    } else if (value.json().is_object()) {
      for (const auto& [key, member] : SortedMembers(value.json())) {
        if (!more) break;
        any = true;
        ASSIGN_OR_RETURN(more, Round(node, Value::Own(Json(key)), value.Part(member)));
      }
    } else if (value.json().is_number_integer()) {
      const int64_t count = value.json().get<int64_t>();
      if (node.pipe->variables.size() > 1) {
        return TemplateError(node.pipe->position,
                             absl::StrCat("can't use ", count, " to iterate over more than one variable"));
      }
      for (int64_t i = 0; more && i < count; ++i) {
        any = true;
        const Value number = Value::Own(Json(i));
        ASSIGN_OR_RETURN(more, Round(node, number, number));
      }
    } else {
      return TemplateError(node.pipe->position, absl::StrCat("range can't iterate over ", PrintValue(value)));
    }
    variables_.resize(mark);
    if (any) return Flow::kNext;
    return Walk(node.otherwise, dot);
  }

  absl::Status Invoke(const Node& node, const Value& dot) {
    const auto found = program_.defined.find(node.text);
    if (found == program_.defined.end()) {
      return TemplateError(node.position, absl::StrCat("template \"", node.text, "\" not defined"));
    }
    Value argument;
    if (node.pipe != nullptr) {
      ASSIGN_OR_RETURN(argument, Evaluate(*node.pipe, dot));
    }
    std::vector<std::pair<std::string, Value>> outer = std::exchange(variables_, {{"$", argument}});
    RETURN_IF_ERROR(Walk(found->second, argument).status());
    variables_ = std::move(outer);
    return absl::OkStatus();
  }

  absl::Status Assign(const Pipe& pipe, const std::string& name, const Value& value) {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->first != name) continue;
      it->second = value;
      return absl::OkStatus();
    }
    return TemplateError(pipe.position, absl::StrCat("undefined variable: ", name));
  }

  // The value of a pipeline; its variables are set.
  absl::StatusOr<Value> Evaluate(const Pipe& pipe, const Value& dot) {
    ASSIGN_OR_RETURN(Value value, EvaluateCalls(pipe, dot));
    for (const std::string& name : pipe.variables) {
      if (pipe.assigns) {
        RETURN_IF_ERROR(Assign(pipe, name, value));
      } else {
        variables_.emplace_back(name, value);
      }
    }
    return value;
  }

  absl::StatusOr<Value> EvaluateCalls(const Pipe& pipe, const Value& dot) {
    Value value;
    bool has_final = false;
    for (const Call& call : pipe.calls) {
      ASSIGN_OR_RETURN(value, EvaluateCall(call, dot, has_final ? &value : nullptr));
      has_final = true;
    }
    return value;
  }

  // `final` is the value that is piped in, or null.
  absl::StatusOr<Value> EvaluateCall(const Call& call, const Value& dot, const Value* final) {
    RETURN_IF_ERROR(Step());
    const Operand& head = call.operands[0];
    if (head.kind == Operand::Kind::kFunction && head.fields.empty())
      return EvaluateFunction(call, dot, final);
    if (head.kind == Operand::Kind::kNil && call.operands.size() == 1 && final == nullptr) {
      return TemplateError(head.position, "nil is not a command");
    }
    ASSIGN_OR_RETURN(Value value, EvaluateOperand(head, dot));
    if (call.operands.size() == 1 && final == nullptr) return value;
    if (head.fields.empty()) {
      return TemplateError(head.position, "can't give argument to non-function");
    }
    // A method with arguments: see template.h.
    for (size_t i = 1; i < call.operands.size(); ++i) {
      ASSIGN_OR_RETURN(const Value argument, EvaluateOperand(call.operands[i], dot));
      ASSIGN_OR_RETURN(value, CallField(head, value, argument));
    }
    if (final != nullptr) return CallField(head, value, *final);
    return value;
  }

  absl::StatusOr<Value> CallField(const Operand& head, const Value& value, const Value& argument) {
    const bool fits =
        !value.is_null() && value.json().is_object() && !argument.is_null() && argument.json().is_string();
    if (options_.heading) return value;
    if (!fits) {
      return TemplateError(head.position,
                           absl::StrCat(head.fields.back(), " is not a method but has arguments"));
    }
    const Json* member = Find(value.json(), argument.json().get_ref<const std::string&>());
    return member == nullptr ? Value::Own(Json("")) : value.Part(member);
  }

  absl::StatusOr<Value> EvaluateFunction(const Call& call, const Value& dot, const Value* final) {
    const Operand& head = call.operands[0];
    if (head.name == "and" || head.name == "or") return EvaluateLogic(call, dot, final);
    std::vector<Value> args;
    for (size_t i = 1; i < call.operands.size(); ++i) {
      ASSIGN_OR_RETURN(Value value, EvaluateOperand(call.operands[i], dot));
      args.push_back(std::move(value));
    }
    if (final != nullptr) args.push_back(*final);
    absl::StatusOr<Value> result = CallFunction(head.name, args, options_.heading, BytesLeft());
    if (!result.ok()) {
      if (!absl::IsInvalidArgument(result.status())) return result.status();
      return TemplateError(head.position, result.status().message());
    }
    const bool is_text = !result->is_null() && result->json().is_string();
    if (is_text) RETURN_IF_ERROR(Charge(result->json().get_ref<const std::string&>().size()));
    return result;
  }

  // `and` and `or` stop at the first argument that decides.
  absl::StatusOr<Value> EvaluateLogic(const Call& call, const Value& dot, const Value* final) {
    const Operand& head = call.operands[0];
    const bool stop_at = head.name == "or";
    if (call.operands.size() == 1 && final == nullptr) {
      return TemplateError(head.position,
                           absl::StrCat("wrong number of args for ", head.name, ": want at least 1 got 0"));
    }
    Value value;
    for (size_t i = 1; i < call.operands.size(); ++i) {
      ASSIGN_OR_RETURN(value, EvaluateOperand(call.operands[i], dot));
      if (Truth(value) == stop_at) return value;
    }
    return final != nullptr ? *final : value;
  }

  absl::StatusOr<Value> EvaluateOperand(const Operand& operand, const Value& dot) {
    RETURN_IF_ERROR(Step());
    Value value;
    switch (operand.kind) {
      case Operand::Kind::kDot:
        value = dot;
        break;
      case Operand::Kind::kNil:
        break;
      case Operand::Kind::kConstant:
        value = Value::Borrow(&operand.constant);
        break;
      case Operand::Kind::kVariable: {
        ASSIGN_OR_RETURN(value, Variable(operand));
        break;
      }
      case Operand::Kind::kFunction: {
        absl::StatusOr<Value> result = CallFunction(operand.name, {}, options_.heading, BytesLeft());
        if (!result.ok()) return TemplateError(operand.position, result.status().message());
        value = *std::move(result);
        break;
      }
      case Operand::Kind::kPipe: {
        ASSIGN_OR_RETURN(value, Evaluate(*operand.pipe, dot));
        break;
      }
    }
    for (const std::string& field : operand.fields) {
      ASSIGN_OR_RETURN(value, Field(operand, value, field));
    }
    return value;
  }

  absl::StatusOr<Value> Variable(const Operand& operand) const {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->first == operand.name) return it->second;
    }
    return TemplateError(operand.position, absl::StrCat("undefined variable: ", operand.name));
  }

  absl::StatusOr<Value> Field(const Operand& operand, const Value& value, const std::string& field) {
    if (options_.heading) return HeadingField(value, field);
    if (value.missing()) return value;  // of a map: <no value> all the way
    const Json& json = value.json();
    if (json.is_null()) {
      if (value.map_like()) return Value();
      return TemplateError(operand.position, absl::StrCat("nil pointer evaluating .", field));
    }
    if (!json.is_object()) {
      return TemplateError(operand.position,
                           absl::StrCat("can't evaluate field ", field, " in type ", TypeName(value)));
    }
    const Json* member = Find(json, field);
    if (member == nullptr) {
      if (!options_.strict || value.map_like()) return Value();
      return TemplateError(operand.position, absl::StrCat("can't evaluate field ", field));
    }
    Value part = value.Part(member);
    if (absl::c_linear_search(options_.map_fields, field)) part.set_map_like();
    if (absl::c_linear_search(options_.list_fields, field)) part.set_list_like();
    return part;
  }

  absl::StatusOr<Value> HeadingField(const Value& value, const std::string& field) {
    const Json* member = value.is_null() ? nullptr : Find(value.json(), field);
    return member != nullptr ? value.Part(member) : Value::Own(Json(HeadingOf(field)));
  }

  const Program& program_;
  const ExecuteOptions& options_;
  std::vector<std::pair<std::string, Value>> variables_;
  std::string out_;
  int64_t steps_ = 0;
  int64_t bytes_ = 0;
  int depth_ = 0;  // of lists of nodes inside each other: bounds the stack
};

}  // namespace
}  // namespace template_internal

absl::StatusOr<Template> Template::Parse(absl::string_view text) {
  ASSIGN_OR_RETURN(template_internal::Program program, template_internal::ParseProgram(text));
  return Template(std::make_shared<const template_internal::Program>(std::move(program)));
}

absl::StatusOr<std::string> Template::Execute(const Json& data, const ExecuteOptions& options) const {
  return template_internal::Execution(*program_, options).Run(data);
}

}  // namespace coracle
