#include "oci/json_codec.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace coracle::oci {

JsonReader::JsonReader(const Json& document, absl::string_view root_name, JsonLimits limits)
    : value_(&document), root_name_(root_name), limits_(limits) {}

void JsonReader::Fail(absl::string_view message) {
  if (!status_.ok()) return;
  std::string path(root_name_);
  for (const Segment& segment : path_) {
    if (segment.name != nullptr) {
      absl::StrAppend(&path, path.empty() ? "" : ".", segment.name);
    } else if (segment.key != nullptr) {
      absl::StrAppend(&path, "[\"", absl::string_view(*segment.key).substr(0, 256), "\"]");
    } else {
      absl::StrAppend(&path, "[", segment.index, "]");
    }
  }
  status_ =
      absl::InvalidArgumentError(path.empty() ? std::string(message) : absl::StrCat(path, ": ", message));
}

const Json* JsonReader::FindMember(const char* name, bool required) {
  if (!status_.ok()) return nullptr;
  const Json* member = Find(*value_, name);
  if (member != nullptr && !member->is_null()) return member;
  if (required) Check(false, name, "missing");
  return nullptr;
}

bool JsonReader::CheckObject(const Json& value, const char* name) {
  Check(value.is_object(), name, "not an object");
  return status_.ok();
}

void JsonReader::Check(bool good, const char* name, absl::string_view message) {
  if (good) return;
  path_.push_back({name, nullptr, 0});
  Fail(message);
  path_.pop_back();
}

void JsonReader::OneOf(const char* name, const std::string& value,
                       std::initializer_list<absl::string_view> allowed) {
  if (!status_.ok() || absl::c_linear_search(allowed, value)) return;
  Check(false, name,
        absl::StrCat("\"", absl::string_view(value).substr(0, 256), "\" is none of ",
                     absl::StrJoin(allowed, ", ")));
}

void JsonReader::Read(const Json& value, bool& out) {
  if (!value.is_boolean()) return Fail("not true or false");
  out = value.get<bool>();
}

void JsonReader::Read(const Json& value, std::string& out) {
  if (!value.is_string()) return Fail("not a string");
  const std::string& text = value.get_ref<const std::string&>();
  if (text.size() > limits_.string_bytes) {
    return Fail(absl::StrCat("longer than ", limits_.string_bytes, " bytes"));
  }
  // Every string may end in a system call, which would see only what stands before the NUL.
  if (text.find('\0') != std::string::npos) return Fail("contains a NUL");
  out = text;
}

void JsonReader::ReadSigned(const Json& value, int64_t min, int64_t max, int64_t& out) {
  const bool in_range =
      value.is_number_unsigned()
          ? value.get<uint64_t>() <= static_cast<uint64_t>(max)
          : value.is_number_integer() && value.get<int64_t>() >= min && value.get<int64_t>() <= max;
  if (!in_range) return Fail(absl::StrCat("not a number from ", min, " to ", max));
  out = value.get<int64_t>();
}

void JsonReader::ReadUnsigned(const Json& value, uint64_t max, uint64_t& out) {
  const bool in_range = value.is_number_unsigned()
                            ? value.get<uint64_t>() <= max
                            : value.is_number_integer() && value.get<int64_t>() == 0;  // "-0"
  if (!in_range) return Fail(absl::StrCat("not a number from 0 to ", max));
  out = value.get<uint64_t>();
}

bool JsonReader::CheckSize(const Json& value, bool is_list) {
  if (is_list ? !value.is_array() : !value.is_object()) {
    Fail(is_list ? "not a list" : "not an object");
  } else if (value.size() > limits_.list_entries) {
    Fail(absl::StrCat("more than ", limits_.list_entries, " entries"));
  }
  return status_.ok();
}

bool JsonReader::CheckKey(const std::string& key) {
  if (key.size() > limits_.string_bytes) {
    Fail(absl::StrCat("a key longer than ", limits_.string_bytes, " bytes"));
  } else if (key.empty() || key.find('\0') != std::string::npos) {
    Fail("a key that is empty or contains a NUL");
  }
  return status_.ok();
}

}  // namespace coracle::oci
