#include "base/template_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace coracle::template_internal {
namespace {

constexpr size_t kFloatBuffer = 400;  // the longest fixed form has 309 digits before the point

absl::Status Incompatible() { return absl::InvalidArgumentError("incompatible types for comparison"); }

bool IsUnsigned(const Json& json) { return json.is_number_unsigned(); }

// -1, 0, 1; integers exactly, mixed numbers as doubles.
int CompareNumbers(const Json& a, const Json& b) {
  if (a.is_number_integer() && b.is_number_integer()) {
    const bool a_negative = !IsUnsigned(a) && a.get<int64_t>() < 0;
    const bool b_negative = !IsUnsigned(b) && b.get<int64_t>() < 0;
    if (a_negative != b_negative) return a_negative ? -1 : 1;
    if (a_negative) {
      const int64_t x = a.get<int64_t>();
      const int64_t y = b.get<int64_t>();
      return x < y ? -1 : x > y;
    }
    const uint64_t x = a.get<uint64_t>();
    const uint64_t y = b.get<uint64_t>();
    return x < y ? -1 : x > y;
  }
  const double x = a.get<double>();
  const double y = b.get<double>();
  return x < y ? -1 : x > y;
}

}  // namespace

std::string PrintFloat(double number) {
  if (std::isinf(number)) return number < 0 ? "-Inf" : "+Inf";
  if (std::isnan(number)) return "NaN";
  char buffer[kFloatBuffer];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  const std::string scientific(buffer, end);
  // strconv.FormatFloat, 'g' with the shortest precision: exponents from -4 to 5 are written out, so 1e+06.
  const int exponent = atoi(scientific.c_str() + scientific.find('e') + 1);
  if (exponent < -4 || exponent >= 6) return scientific;
  end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::fixed).ptr;
  return std::string(buffer, end);
}

std::vector<std::pair<std::string, const Json*>> SortedMembers(const Json& object) {
  std::vector<std::pair<std::string, const Json*>> members;
  for (auto it = object.begin(); it != object.end(); ++it) members.emplace_back(it.key(), &it.value());
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return members;
}

void AppendJsonValue(std::string& out, const Json& json) {
  switch (json.type()) {
    case Json::value_t::string:
      out += json.get_ref<const std::string&>();
      return;
    case Json::value_t::boolean:
      out += json.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      absl::StrAppend(&out, json.get<int64_t>());
      return;
    case Json::value_t::number_unsigned:
      absl::StrAppend(&out, json.get<uint64_t>());
      return;
    case Json::value_t::number_float:
      out += PrintFloat(json.get<double>());
      return;
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& element : json) {
        if (!first) out += ' ';
        first = false;
        AppendJsonValue(out, element);
      }
      out += ']';
      return;
    }
    case Json::value_t::object: {
      out += "map[";
      bool first = true;
      for (const auto& [key, value] : SortedMembers(json)) {
        absl::StrAppend(&out, first ? "" : " ", key, ":");
        first = false;
        AppendJsonValue(out, *value);
      }
      out += ']';
      return;
    }
    default:
      out += "<nil>";
  }
}

std::string PrintValue(const Value& value) {
  if (value.missing()) return "<no value>";
  if (value.json().is_null() && value.map_like()) return "map[]";
  if (value.json().is_null() && value.list_like()) return "[]";
  std::string out;
  AppendJsonValue(out, value.json());
  return out;
}

bool Truth(const Value& value) {
  if (value.is_null()) return false;
  const Json& json = value.json();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>() != 0;
  if (json.is_number()) return json.get<double>() != 0;
  if (json.is_string()) return !json.get_ref<const std::string&>().empty();
  return !json.empty();
}

std::string TypeName(const Value& value) {
  if (value.is_null()) return "nil";
  const Json& json = value.json();
  if (json.is_boolean()) return "bool";
  if (json.is_number_integer()) return "int";
  if (json.is_number()) return "float64";
  if (json.is_string()) return "string";
  return json.is_array() ? "[]interface {}" : "map[string]interface {}";
}

absl::StatusOr<bool> Equal(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null();
  const Json& x = a.json();
  const Json& y = b.json();
  if (x.is_structured() || y.is_structured()) {
    return absl::InvalidArgumentError(
        absl::StrCat("non-comparable type: ", TypeName(x.is_structured() ? a : b)));
  }
  if (x.is_number() && y.is_number()) return CompareNumbers(x, y) == 0 && !std::isnan(x.get<double>());
  if (x.type() != y.type()) return Incompatible();
  return x == y;
}

absl::StatusOr<bool> Less(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return absl::InvalidArgumentError("invalid type for comparison");
  const Json& x = a.json();
  const Json& y = b.json();
  if (x.is_number() && y.is_number()) return CompareNumbers(x, y) < 0;
  if (x.is_string() && y.is_string())
    return x.get_ref<const std::string&>() < y.get_ref<const std::string&>();
  const bool basic = x.type() == y.type() || x.is_string() || y.is_string() || x.is_number() || y.is_number();
  if (x.type() != y.type() && basic) return Incompatible();
  return absl::InvalidArgumentError("invalid type for comparison");
}

}  // namespace coracle::template_internal
