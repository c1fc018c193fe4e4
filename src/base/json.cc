#include "base/json.h"

#include "base/status.h"

namespace coracle {
namespace {

// What the parser itself has no limits for, found without building anything.
absl::Status CheckShape(absl::string_view text) {
  int depth = 0;
  int members[kMaxJsonDepth + 1] = {};  // of the object that is open at each depth
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) {
        return absl::InvalidArgumentError(absl::StrCat("JSON nested deeper than ", kMaxJsonDepth, " levels"));
      }
      members[depth] = 0;
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;
    } else if (c == ':' && ++members[depth] > kMaxJsonMembers) {
      return absl::InvalidArgumentError(
          absl::StrCat("JSON object with more than ", kMaxJsonMembers, " members"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Json> ParseJson(absl::string_view text) {
  RETURN_IF_ERROR(CheckShape(text));
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat("malformed JSON at byte ", error.byte));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("malformed JSON: ", error.what()));
  }
}

std::string DumpJson(const Json& value, int indent) {
  return value.dump(indent > 0 ? indent : -1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

const Json* Find(const Json& value, absl::string_view key) {
  if (!value.is_object()) return nullptr;
  const auto it = value.find(std::string(key));
  return it == value.end() ? nullptr : &*it;
}

}  // namespace coracle
