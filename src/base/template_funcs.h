// The functions of templates. Internal to base/template*.
#ifndef CORACLE_BASE_TEMPLATE_FUNCS_H_
#define CORACLE_BASE_TEMPLATE_FUNCS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/template_value.h"

namespace coracle::template_internal {

// `and` and `or` are here, but evaluate their arguments lazily: CallFunction is not for them.
bool HasFunction(absl::string_view name);

// Errors: InvalidArgument, without a position: wrong number or type of arguments, or what the function finds
// wrong; ResourceExhausted if the result is longer than `max_bytes`. With `heading`, functions that change
// strings return their string argument unchanged.
absl::StatusOr<Value> CallFunction(absl::string_view name, const std::vector<Value>& args, bool heading,
                                   size_t max_bytes);

// `index`: an element of a list, a member of an object, a byte of a string. A missing member is "" where all
// others are strings, as the zero value of map[string]string; else no value.
absl::StatusOr<Value> Index(const Value& container, const Value& index);

}  // namespace coracle::template_internal

#endif  // CORACLE_BASE_TEMPLATE_FUNCS_H_
