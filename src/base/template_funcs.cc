#include "base/template_funcs.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/template_printf.h"
#include "base/text.h"
#include "base/utf8.h"

namespace coracle::template_internal {
namespace {

using Args = std::vector<Value>;
using Result = absl::StatusOr<Value>;

constexpr size_t kMaxParts = 1'000'000;  // of a split string

struct Context {
  size_t max_bytes;
};

absl::Status Bad(absl::string_view message) { return absl::InvalidArgumentError(message); }

Value Bool(bool value) { return Value::Own(Json(value)); }
Value Text(std::string value) { return Value::Own(Json(std::move(value))); }

absl::StatusOr<std::string> StringArg(const Value& value) {
  if (value.is_null() || !value.json().is_string()) {
    return Bad(absl::StrCat("wrong type for value; expected string; got ", TypeName(value)));
  }
  return value.json().get<std::string>();
}

absl::StatusOr<int64_t> IntArg(const Value& value) {
  if (value.is_null() || !value.json().is_number_integer()) {
    return Bad(absl::StrCat("wrong type for value; expected int; got ", TypeName(value)));
  }
  return value.json().get<int64_t>();
}

Result Not(const Args& args, const Context&) { return Bool(!Truth(args[0])); }

Result Eq(const Args& args, const Context&) {
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[i]));
    if (equal) return Bool(true);
  }
  return Bool(false);
}
Result Ne(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[1]));
  return Bool(!equal);
}
Result Lt(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const bool less, Less(args[0], args[1]));
  return Bool(less);
}
Result Ge(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const bool less, Less(args[0], args[1]));
  return Bool(!less);
}
Result Gt(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const bool greater, Less(args[1], args[0]));
  return Bool(greater);
}
Result Le(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const bool greater, Less(args[1], args[0]));
  return Bool(!greater);
}

Result Len(const Args& args, const Context&) {
  if (args[0].missing()) return Bad("len of untyped nil");
  const Json& json = args[0].json();
  if (json.is_null()) return Value::Own(Json(0));  // a null list or map of Go has no elements
  if (json.is_string())
    return Value::Own(Json(static_cast<int64_t>(json.get_ref<const std::string&>().size())));
  if (!json.is_structured()) return Bad(absl::StrCat("len of type ", TypeName(args[0])));
  return Value::Own(Json(static_cast<int64_t>(json.size())));
}

Result IndexAll(const Args& args, const Context&) {
  Value value = args[0];
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(value, Index(value, args[i]));
  }
  return value;
}

Result Slice(const Args& args, const Context&) {
  if (args[0].is_null()) return Bad("slice of untyped nil");
  const Json& json = args[0].json();
  if (!json.is_string() && !json.is_array())
    return Bad(absl::StrCat("can't slice item of type ", TypeName(args[0])));
  if (json.is_string() && args.size() > 3) return Bad("cannot 3-index slice a string");
  const int64_t size =
      static_cast<int64_t>(json.is_string() ? json.get_ref<const std::string&>().size() : json.size());
  int64_t bounds[3] = {0, size, size};
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(bounds[i - 1], IntArg(args[i]));
    if (bounds[i - 1] < 0 || bounds[i - 1] > size)
      return Bad(absl::StrCat("index out of range: ", bounds[i - 1]));
  }
  const auto [low, high, cap] = bounds;
  if (low > high) return Bad(absl::StrCat("invalid slice index: ", low, " > ", high));
  if (high > cap) return Bad(absl::StrCat("invalid slice index: ", high, " > ", cap));
  if (json.is_string()) {
    return Text(
        json.get_ref<const std::string&>().substr(static_cast<size_t>(low), static_cast<size_t>(high - low)));
  }
  return Value::Own(Json(Json::array_t(json.begin() + low, json.begin() + high)));
}

// fmt.Sprint (blanks between operands when neither is a string) and Sprintln (always, and a line end).
std::string PrintAll(const Args& args, bool line) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) {
    const auto is_string = [&](size_t k) { return !args[k].is_null() && args[k].json().is_string(); };
    if (i > 0 && (line || (!is_string(i) && !is_string(i - 1)))) out += ' ';
    out += args[i].missing() ? "<nil>" : PrintValue(args[i]);
  }
  if (line) out += '\n';
  return out;
}
Result Print(const Args& args, const Context&) { return Text(PrintAll(args, /*line=*/false)); }
Result Println(const Args& args, const Context&) { return Text(PrintAll(args, /*line=*/true)); }
Result Printf(const Args& args, const Context& context) {
  ASSIGN_OR_RETURN(const std::string format, StringArg(args[0]));
  ASSIGN_OR_RETURN(std::string text,
                   Sprintf(format, absl::MakeConstSpan(args).subspan(1), context.max_bytes));
  return Text(std::move(text));
}

Result Html(const Args& args, const Context&) {
  return Text(
      absl::StrReplaceAll(PrintAll(args, /*line=*/false), {{"&", "&amp;"},
                                                           {"<", "&lt;"},
                                                           {">", "&gt;"},
                                                           {"\"", "&#34;"},
                                                           {"'", "&#39;"},
                                                           {absl::string_view("\0", 1), "\xef\xbf\xbd"}}));
}

Result Js(const Args& args, const Context&) {
  std::string out;
  for (const char c : PrintAll(args, /*line=*/false)) {
    if (c == '\\' || c == '\'' || c == '"') {
      out += '\\';
      out += c;
    } else if (absl::string_view("<>&=").find(c) != absl::string_view::npos ||
               static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04X", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  // Line ends to JavaScript, but not to JSON.
  return Text(absl::StrReplaceAll(out, {{"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}}));
}

Result UrlQuery(const Args& args, const Context&) {
  std::string out;
  for (const char c : PrintAll(args, /*line=*/false)) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::string_view("-_.~").find(c) != absl::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      absl::StrAppendFormat(&out, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return Text(std::move(out));
}

Result ToJson(const Args& args, const Context&) {
  return Text(args[0].missing() ? "null" : DumpJson(args[0].json()));
}

Result Join(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const std::string separator, StringArg(args[1]));
  if (args[0].is_null()) return Text("");
  const Json& json = args[0].json();
  if (!json.is_array()) {
    return Bad(absl::StrCat("wrong type for value; expected []string; got ", TypeName(args[0])));
  }
  std::string out;
  for (size_t i = 0; i < json.size(); ++i) {
    ASSIGN_OR_RETURN(const std::string element, StringArg(Value::Borrow(&json[i])));
    absl::StrAppend(&out, i > 0 ? separator : "", element);
  }
  return Text(std::move(out));
}

Result Split(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const std::string text, StringArg(args[0]));
  ASSIGN_OR_RETURN(const std::string separator, StringArg(args[1]));
  Json parts = Json::array();
  absl::string_view rest = text;
  if (separator.empty()) {  // every character
    while (!rest.empty()) {
      if (parts.size() == kMaxParts)
        return absl::ResourceExhaustedError("template: split makes too many parts");
      const absl::string_view before = rest;
      TakeCodePoint(rest);
      parts.push_back(std::string(before.substr(0, before.size() - rest.size())));
    }
    return Value::Own(std::move(parts));
  }
  for (const absl::string_view part : absl::StrSplit(rest, separator)) {
    if (parts.size() == kMaxParts)
      return absl::ResourceExhaustedError("template: split makes too many parts");
    parts.push_back(std::string(part));
  }
  return Value::Own(std::move(parts));
}

Result Lower(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const std::string text, StringArg(args[0]));
  return Text(absl::AsciiStrToLower(text));
}
Result Upper(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(const std::string text, StringArg(args[0]));
  return Text(absl::AsciiStrToUpper(text));
}
Result Title(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(std::string text, StringArg(args[0]));
  bool starts = true;
  for (char& c : text) {
    if (starts) c = absl::ascii_toupper(static_cast<unsigned char>(c));
    const unsigned char byte = static_cast<unsigned char>(c);
    starts = !absl::ascii_isalnum(byte) && byte < 0x80 && c != '_';
  }
  return Text(std::move(text));
}

Result Truncate(const Args& args, const Context&) {
  ASSIGN_OR_RETURN(std::string text, StringArg(args[0]));
  ASSIGN_OR_RETURN(const int64_t length, IntArg(args[1]));
  if (length < 0) return Bad(absl::StrCat("index out of range: ", length));
  if (static_cast<int64_t>(text.size()) > length) text.resize(static_cast<size_t>(length));
  return Text(std::move(text));
}

Result Pad(const Args& args, const Context& context) {
  ASSIGN_OR_RETURN(const std::string text, StringArg(args[0]));
  ASSIGN_OR_RETURN(const int64_t before, IntArg(args[1]));
  ASSIGN_OR_RETURN(const int64_t after, IntArg(args[2]));
  if (text.empty()) return Text("");
  const int64_t most = static_cast<int64_t>(context.max_bytes);
  if (before < 0 || after < 0 || before > most || after > most) return Bad("pad: count out of range");
  return Text(absl::StrCat(std::string(static_cast<size_t>(before), ' '), text,
                           std::string(static_cast<size_t>(after), ' ')));
}

struct Function {
  absl::string_view name;
  size_t least;
  size_t most;  // 0: any number
  Result (*call)(const Args&, const Context&);
  bool changes_text;  // returns its first argument in a heading
};

constexpr Function kFunctions[] = {
    {"and", 1, 0, nullptr, false},   {"eq", 2, 0, Eq, false},
    {"ge", 2, 2, Ge, false},         {"gt", 2, 2, Gt, false},
    {"html", 1, 0, Html, false},     {"index", 1, 0, IndexAll, false},
    {"join", 2, 2, Join, true},      {"js", 1, 0, Js, false},
    {"json", 1, 1, ToJson, true},    {"le", 2, 2, Le, false},
    {"len", 1, 1, Len, true},        {"lower", 1, 1, Lower, true},
    {"lt", 2, 2, Lt, false},         {"ne", 2, 2, Ne, false},
    {"not", 1, 1, Not, false},       {"or", 1, 0, nullptr, false},
    {"pad", 3, 3, Pad, true},        {"print", 0, 0, Print, false},
    {"printf", 1, 0, Printf, false}, {"println", 0, 0, Println, false},
    {"slice", 1, 4, Slice, true},    {"split", 2, 2, Split, true},
    {"title", 1, 1, Title, true},    {"truncate", 2, 2, Truncate, true},
    {"upper", 1, 1, Upper, true},    {"urlquery", 1, 0, UrlQuery, false},
};

const Function* FindFunction(absl::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace

bool HasFunction(absl::string_view name) { return FindFunction(name) != nullptr; }

absl::StatusOr<Value> CallFunction(absl::string_view name, const std::vector<Value>& args, bool heading,
                                   size_t max_bytes) {
  const Function* function = FindFunction(name);
  if (function == nullptr || function->call == nullptr)
    return Bad(absl::StrCat("function \"", name, "\" not defined"));
  if (args.size() < function->least || (function->most > 0 && args.size() > function->most)) {
    return Bad(
        absl::StrCat("wrong number of args for ", name, ": want ",
                     args.size() < function->least && function->least != function->most ? "at least " : "",
                     args.size() < function->least ? function->least : function->most, " got ", args.size()));
  }
  if (heading && function->changes_text) return args[0];
  Result result = function->call(args, Context{max_bytes});
  if (!result.ok() && absl::IsInvalidArgument(result.status())) {
    return Bad(absl::StrCat("error calling ", name, ": ", result.status().message()));
  }
  return result;
}

absl::StatusOr<Value> Index(const Value& container, const Value& index) {
  if (container.missing()) return Bad("index of untyped nil");
  const Json& json = container.json();
  if (json.is_object()) {
    ASSIGN_OR_RETURN(const std::string key, StringArg(index));
    const Json* member = Find(json, key);
    if (member != nullptr) return container.Part(member);
    for (const Json& other : json) {
      if (!other.is_string()) return Value();
    }
    return Text("");
  }
  if (json.is_null()) return Text("");  // a null map of Go has the zero value for every key
  if (!json.is_array() && !json.is_string())
    return Bad(absl::StrCat("can't index item of type ", TypeName(container)));
  if (index.is_null() || !index.json().is_number_integer()) {
    return Bad(absl::StrCat("cannot index slice/array with type ", TypeName(index)));
  }
  const int64_t at = index.json().get<int64_t>();
  const int64_t size =
      static_cast<int64_t>(json.is_string() ? json.get_ref<const std::string&>().size() : json.size());
  if (at < 0 || at >= size) return Bad(absl::StrCat("index out of range: ", at));
  if (json.is_array()) return container.Part(&json[static_cast<size_t>(at)]);
  const unsigned char byte =
      static_cast<unsigned char>(json.get_ref<const std::string&>()[static_cast<size_t>(at)]);
  return Value::Own(Json(static_cast<int64_t>(byte)));
}

}  // namespace coracle::template_internal
