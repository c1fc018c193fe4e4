// JSON values: nlohmann::ordered_json behind one adapter, so that nothing outside json.cc meets an exception.
//
// Reading: ParseJson, then the typed getters below, which never throw. Writing: build a Json with operator[]
// and push_back, then DumpJson.
#ifndef CORACLE_BASE_JSON_H_
#define CORACLE_BASE_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace coracle {

// Keys keep their order; integers keep 64 bits.
using Json = nlohmann::ordered_json;

// Documents deeper than this are refused, so that no reader recurses further.
inline constexpr int kMaxJsonDepth = 128;
// Objects with more members are refused: keeping their order, each look-up walks them all.
inline constexpr int kMaxJsonMembers = 4096;

// The value of `text`. Errors: InvalidArgument for malformed JSON (with the byte offset), invalid UTF-8,
// depth over kMaxJsonDepth, or anything after the value.
absl::StatusOr<Json> ParseJson(absl::string_view text);

// Compact text; with `indent` > 0, one member a line, as podman and docker print (indent 4). Invalid UTF-8 in
// strings is replaced by U+FFFD. No HTML escapes.
std::string DumpJson(const Json& value, int indent = 0);

// The member `key` of an object, or nullptr if `value` is no object or has no such member.
const Json* Find(const Json& value, absl::string_view key);

}  // namespace coracle

#endif  // CORACLE_BASE_JSON_H_
