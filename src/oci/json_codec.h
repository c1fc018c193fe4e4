// Reading and writing plain structs as JSON objects from one list of their members.
//
// Each struct has one function that names its members for both directions, so that what is written is what is
// read:
//
//   template <typename Codec>
//   void Members(Codec& codec, Root& root) {
//     codec.Required("path", root.path);
//     codec.Member("readonly", root.readonly);
//   }
//
// A type with a static Parse(text) and str() (Digest) is a string on the wire.
//
// Reading is strict about types and lenient about strangers: unknown members are ignored and `null` is the
// same as absent (Go writes nil slices that way). Writing leaves out what equals absent: false, 0, "", empty
// lists and maps, empty std::optional.
#ifndef CORACLE_OCI_JSON_CODEC_H_
#define CORACLE_OCI_JSON_CODEC_H_

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json.h"

namespace coracle::oci {

struct JsonLimits {
  size_t list_entries = 65536;    // in one list or map
  size_t string_bytes = 1 << 20;  // of one string or key
};

// Fills structs from a parsed document. The first error is kept and stops the reading; what was filled by
// then is of no use. Errors: InvalidArgument, "<path of the member>: <what is wrong>".
class JsonReader {
 public:
  static constexpr bool kReading = true;

  // `root_name` is the path of `document` itself, in messages ("process"); may be empty. `document` must
  // outlive this.
  JsonReader(const Json& document, absl::string_view root_name, JsonLimits limits);

  template <typename T>
  absl::Status ReadDocument(T& out) {
    Read(*value_, out);
    return status_;
  }

  template <typename T>
  void Member(const char* name, T& out) {
    ReadMember(name, /*required=*/false, out);
  }
  template <typename T>
  void Required(const char* name, T& out) {
    ReadMember(name, /*required=*/true, out);
  }
  // An object that the struct has no struct of its own for: `members` lists its members.
  template <typename F>
  void Nested(const char* name, F members) {
    const Json* member = FindMember(name, /*required=*/false);
    if (member == nullptr || !CheckObject(*member, name)) return;
    InMember(name, *member, [&] { members(*this); });
  }
  // Fails with "<path>.<name>: <message>" unless `good`.
  void Check(bool good, const char* name, absl::string_view message);
  void OneOf(const char* name, const std::string& value, std::initializer_list<absl::string_view> allowed);

 private:
  struct Segment {
    const char* name;        // nullptr: a list index
    const std::string* key;  // of a map, if name is nullptr
    size_t index;
  };

  const Json* FindMember(const char* name, bool required);
  bool CheckObject(const Json& value, const char* name);
  void Fail(absl::string_view message);
  void Read(const Json& value, bool& out);
  void Read(const Json& value, std::string& out);
  void ReadSigned(const Json& value, int64_t min, int64_t max, int64_t& out);
  void ReadUnsigned(const Json& value, uint64_t max, uint64_t& out);
  bool CheckSize(const Json& value, bool is_list);
  bool CheckKey(const std::string& key);

  template <typename F>
  void InMember(const char* name, const Json& member, F body) {
    path_.push_back({name, nullptr, 0});
    const Json* outer = std::exchange(value_, &member);
    body();
    value_ = outer;
    path_.pop_back();
  }

  template <typename T>
  void ReadMember(const char* name, bool required, T& out) {
    const Json* member = FindMember(name, required);
    if (member == nullptr) return;
    path_.push_back({name, nullptr, 0});
    Read(*member, out);
    path_.pop_back();
  }

  template <typename T>
  void Read(const Json& value, T& out) {
    if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      int64_t number = 0;
      ReadSigned(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), number);
      out = static_cast<T>(number);
    } else if constexpr (std::is_integral_v<T>) {
      uint64_t number = 0;
      ReadUnsigned(value, std::numeric_limits<T>::max(), number);
      out = static_cast<T>(number);
    } else if constexpr (requires { T::Parse(absl::string_view()); }) {
      std::string text;
      Read(value, text);
      if (!status_.ok()) return;
      absl::StatusOr<T> parsed = T::Parse(text);
      if (!parsed.ok()) return Fail(parsed.status().message());
      out = *std::move(parsed);
    } else {
      if (!value.is_object()) return Fail("not an object");
      const Json* outer = std::exchange(value_, &value);
      Members(*this, out);
      value_ = outer;
    }
  }
  template <typename T>
  void Read(const Json& value, std::optional<T>& out) {
    Read(value, out.emplace());
  }
  template <typename T>
  void Read(const Json& value, std::vector<T>& out) {
    if (!CheckSize(value, /*is_list=*/true)) return;
    out.clear();
    out.reserve(value.size());
    for (size_t i = 0; i < value.size() && status_.ok(); ++i) {
      path_.push_back({nullptr, nullptr, i});
      Read(value[i], out.emplace_back());
      path_.pop_back();
    }
  }
  template <typename T>
  void Read(const Json& value, std::map<std::string, T>& out) {
    if (!CheckSize(value, /*is_list=*/false)) return;
    out.clear();
    for (auto it = value.begin(); it != value.end() && status_.ok(); ++it) {
      if (!CheckKey(it.key()) || it.value().is_null()) continue;
      const std::string key = it.key();
      path_.push_back({nullptr, &key, 0});
      Read(it.value(), out[key]);
      path_.pop_back();
    }
  }

  const Json* value_;
  const absl::string_view root_name_;
  const JsonLimits limits_;
  std::vector<Segment> path_;
  absl::Status status_;
};

// An object without members, `{}` on the wire: a member of a Go `map[string]struct{}`.
struct EmptyObject {};
template <typename Codec>
void Members(Codec&, EmptyObject&) {}

// Builds the JSON of a struct; members come in the order in which they are listed.
class JsonWriter {
 public:
  static constexpr bool kReading = false;

  // Growing an ordered object copies its values instead of moving them.
  JsonWriter() { object_.get_ref<Json::object_t&>().reserve(16); }

  template <typename T>
  static Json Write(const T& value) {
    if constexpr (std::is_integral_v<T> || std::is_same_v<T, std::string>) {
      return Json(value);
    } else if constexpr (requires { T::Parse(absl::string_view()); }) {
      return Json(value.str());
    } else {
      JsonWriter writer;
      // Members() takes a plain reference because reading fills it; with this codec it only reads.
      Members(writer, const_cast<T&>(value));
      return std::move(writer.object_);
    }
  }
  template <typename T>
  static Json Write(const std::optional<T>& value) {
    return Write(*value);
  }
  template <typename T>
  static Json Write(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(Write(value));
    return list;
  }
  template <typename T>
  static Json Write(const std::map<std::string, T>& values) {
    Json object = Json::object();
    for (const auto& [key, value] : values) object[key] = Write(value);
    return object;
  }

  template <typename T>
  void Member(const char* name, const T& value) {
    if (!IsAbsent(value)) object_[name] = Write(value);
  }
  template <typename T>
  void Required(const char* name, const T& value) {
    object_[name] = Write(value);
  }
  template <typename F>
  void Nested(const char* name, F members) {
    JsonWriter inner;
    members(inner);
    if (!inner.object_.empty()) object_[name] = std::move(inner.object_);
  }
  void Check(bool, const char*, absl::string_view) {}
  void OneOf(const char*, const std::string&, std::initializer_list<absl::string_view>) {}

 private:
  template <typename T>
  static bool IsAbsent(const T& value) {
    if constexpr (std::is_integral_v<T>) {
      return value == T{};
    } else if constexpr (requires { value.empty(); }) {
      return value.empty();
    } else if constexpr (requires { value.has_value(); }) {
      return !value.has_value();
    } else {
      return Write(value).empty();
    }
  }

  Json object_ = Json::object();
};

}  // namespace coracle::oci

#endif  // CORACLE_OCI_JSON_CODEC_H_
