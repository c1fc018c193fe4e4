// Values while a template runs, and how Go prints, tests and compares them. Internal to base/template*.
#ifndef CORACLE_BASE_TEMPLATE_VALUE_H_
#define CORACLE_BASE_TEMPLATE_VALUE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/json.h"

namespace coracle::template_internal {

// JSON, borrowed from the data or owned, or no value at all. Cheap to copy.
class Value {
 public:
  Value() = default;  // no value
  static Value Borrow(const Json* json) {
    Value value;
    value.json_ = json;
    return value;
  }
  static Value Own(Json json) {
    Value value;
    value.owned_ = std::make_shared<const Json>(std::move(json));
    value.json_ = value.owned_.get();
    return value;
  }

  bool missing() const { return json_ == nullptr; }
  // Not missing.
  const Json& json() const { return *json_; }
  bool is_null() const { return json_ == nullptr || json_->is_null(); }
  // An object that stands for a map even where objects are structs.
  bool map_like() const { return map_like_; }
  void set_map_like() { map_like_ = true; }
  // A null that stands for an empty list.
  bool list_like() const { return list_like_; }
  void set_list_like() { list_like_ = true; }

  // A part of this value, which keeps the whole alive.
  Value Part(const Json* part) const {
    Value value;
    value.owned_ = owned_;
    value.json_ = part;
    return value;
  }

 private:
  std::shared_ptr<const Json> owned_;
  const Json* json_ = nullptr;
  bool map_like_ = false;
  bool list_like_ = false;
};

// What `{{.}}` prints.
std::string PrintValue(const Value& value);
// The same of JSON inside of another value.
void AppendJsonValue(std::string& out, const Json& json);

// 1.5, 1e+06: the shortest digits that read back as `number`, as Go's %v.
std::string PrintFloat(double number);

// False for no value, null, false, 0, and what is empty.
bool Truth(const Value& value);

// "int", "string", "[]interface {}", …, for messages.
std::string TypeName(const Value& value);

// Members of an object in the order of their keys, as Go walks maps.
std::vector<std::pair<std::string, const Json*>> SortedMembers(const Json& object);

// Errors: InvalidArgument with Go's words, without a position, for types that do not compare.
absl::StatusOr<bool> Equal(const Value& a, const Value& b);
absl::StatusOr<bool> Less(const Value& a, const Value& b);

}  // namespace coracle::template_internal

#endif  // CORACLE_BASE_TEMPLATE_VALUE_H_
