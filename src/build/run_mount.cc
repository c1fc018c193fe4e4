// The options of RUN --mount, read as BuildKit reads them: comma-separated, a field in double quotes may hold
// commas.
#include "build/run_mount.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/size.h"
#include "base/status.h"
#include "base/suggest.h"
#include "base/text.h"
#include "build/dockerfile.h"

namespace coracle::build {
namespace {

constexpr std::pair<absl::string_view, MountType> kTypes[] = {{"bind", MountType::kBind},
                                                              {"cache", MountType::kCache},
                                                              {"tmpfs", MountType::kTmpfs},
                                                              {"secret", MountType::kSecret},
                                                              {"ssh", MountType::kSsh}};
constexpr std::pair<absl::string_view, CacheSharing> kSharing[] = {{"shared", CacheSharing::kShared},
                                                                   {"private", CacheSharing::kPrivate},
                                                                   {"locked", CacheSharing::kLocked}};
constexpr absl::string_view kKeys[] = {
    "type",     "from",        "source", "src",     "target", "dst",  "ro",  "rw",  "readonly", "readwrite",
    "required", "destination", "id",     "sharing", "size",   "mode", "uid", "gid", "env"};

unsigned TypeBit(MountType type) { return 1U << static_cast<unsigned>(type); }

// The mount types that know a key; all others take any type.
struct KeyTypes {
  absl::string_view key;
  unsigned types;
};
constexpr unsigned kBindBit = 1U << 0, kCacheBit = 1U << 1, kTmpfsBit = 1U << 2, kSecretBit = 1U << 3,
                   kSshBit = 1U << 4;
constexpr KeyTypes kKeyTypes[] = {
    {"from", kBindBit | kCacheBit | kTmpfsBit | kSshBit},  // tmpfs and ssh ignore it
    {"sharing", kCacheBit},
    {"size", kTmpfsBit},
    {"env", kSecretBit},
    {"required", kSecretBit | kSshBit},
    {"mode", kCacheBit | kSecretBit | kSshBit},
    {"uid", kCacheBit | kSecretBit | kSshBit},
    {"gid", kCacheBit | kSecretBit | kSshBit},
};

absl::string_view TypeName(MountType type) { return kTypes[static_cast<size_t>(type)].first; }

absl::Status Bad(absl::string_view key, absl::string_view value) {
  return absl::InvalidArgumentError(absl::StrCat(key, "=", Printable(value), " is not valid"));
}

template <typename T, size_t N>
absl::StatusOr<T> OneOf(const std::pair<absl::string_view, T> (&rows)[N], absl::string_view key,
                        absl::string_view value) {
  std::vector<absl::string_view> names;
  for (const auto& [name, result] : rows) {
    if (absl::EqualsIgnoreCase(name, value)) return result;
    names.push_back(name);
  }
  const absl::string_view nearest = Nearest(absl::AsciiStrToLower(value), names);
  const absl::Status status =
      absl::InvalidArgumentError(absl::StrCat("unknown ", key, " ", Printable(value)));
  return nearest.empty() ? status : WithHint(status, absl::StrCat("did you mean ", key, "=", nearest, "?"));
}

absl::StatusOr<std::vector<std::string>> SplitFields(absl::string_view text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '"' && at + 1 < text.size() && text[at + 1] == '"') {
      fields.back() += text[++at];
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return absl::InvalidArgumentError("a quote has no end");
  return fields;
}

absl::StatusOr<bool> ReadBool(absl::string_view key, absl::string_view value) {
  for (const absl::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (const absl::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  return Bad(key, value);
}

absl::StatusOr<unsigned> ReadNumber(absl::string_view key, absl::string_view value, int base) {
  uint32_t number = 0;
  const bool good = base == 8 ? value.size() <= 12 && !value.empty() &&
                                    value.find_first_not_of("01234567") == absl::string_view::npos
                              : absl::SimpleAtoi(value, &number);
  if (!good) return Bad(key, value);
  uint64_t octal = 0;
  if (base == 8) {
    for (const char c : value) octal = octal * 8 + static_cast<uint64_t>(c - '0');
    if (octal > 07777) return Bad(key, value);
    return static_cast<unsigned>(octal);
  }
  return number;
}

struct Field {
  std::string key;
  std::string value;
  bool has_value = false;
};

// Takes a field that is no type; `read_only` is set where the text says it.
absl::Status TakeField(const Field& field, RunMount* mount, std::optional<bool>* read_only) {
  const std::string& key = field.key;
  const std::string& value = field.value;
  if (key == "from") {
    mount->from = value;
  } else if (key == "source" || key == "src") {
    mount->source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    mount->target = value;
  } else if (key == "id") {
    mount->id = value;
  } else if (key == "env") {
    mount->env = value;
  } else if (key == "ro" || key == "readonly") {
    ASSIGN_OR_RETURN(*read_only, field.has_value ? ReadBool(key, value) : true);
  } else if (key == "rw" || key == "readwrite") {
    ASSIGN_OR_RETURN(const bool writable, field.has_value ? ReadBool(key, value) : true);
    *read_only = !writable;
  } else if (key == "required") {
    ASSIGN_OR_RETURN(mount->required, field.has_value ? ReadBool(key, value) : true);
  } else if (key == "sharing") {
    ASSIGN_OR_RETURN(mount->sharing, OneOf(kSharing, key, value));
  } else if (key == "size") {
    absl::StatusOr<int64_t> size = ParseSize(value);
    if (!size.ok()) return Bad(key, value);
    mount->size = *size;
  } else if (key == "mode") {
    ASSIGN_OR_RETURN(mount->mode, ReadNumber(key, value, 8));
  } else if (key == "uid") {
    ASSIGN_OR_RETURN(mount->uid, ReadNumber(key, value, 10));
  } else if (key == "gid") {
    ASSIGN_OR_RETURN(mount->gid, ReadNumber(key, value, 10));
  } else {
    const absl::string_view nearest = Nearest(key, kKeys);
    const absl::Status status = absl::InvalidArgumentError(absl::StrCat("unknown option ", Printable(key)));
    return nearest.empty() ? status : WithHint(status, absl::StrCat("did you mean ", nearest, "?"));
  }
  return absl::OkStatus();
}

bool NeedsNoValue(absl::string_view key) {
  return key == "ro" || key == "readonly" || key == "rw" || key == "readwrite" || key == "required";
}

absl::Status CheckMount(const RunMount& mount) {
  if (mount.type == MountType::kSecret) {
    if (!mount.source.empty() && !mount.id.empty())
      return absl::InvalidArgumentError("a secret takes id or source, not both");
    if (mount.source.empty() && mount.id.empty() && mount.target.empty())
      return WithHint(absl::InvalidArgumentError("a secret needs an id"), "--mount=type=secret,id=NAME");
  }
  const bool needs_target =
      mount.type == MountType::kBind || mount.type == MountType::kCache || mount.type == MountType::kTmpfs;
  if (needs_target && mount.target.empty())
    return absl::InvalidArgumentError(absl::StrCat("type=", TypeName(mount.type), " needs a target"));
  return absl::OkStatus();
}

absl::StatusOr<RunMount> ReadMount(absl::string_view text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> texts, SplitFields(text));
  RunMount mount;
  std::vector<Field> fields;
  for (const std::string& field_text : texts) {
    const size_t equals = field_text.find('=');
    Field field{absl::AsciiStrToLower(field_text.substr(0, equals)), "", equals != std::string::npos};
    if (field.has_value) field.value = field_text.substr(equals + 1);
    if (!field.has_value && !NeedsNoValue(field.key))
      return absl::InvalidArgumentError(absl::StrCat("\"", Printable(field_text), "\" has no value"));
    if (field.key == "type") {
      ASSIGN_OR_RETURN(mount.type, OneOf(kTypes, "type", field.value));
    } else {
      fields.push_back(std::move(field));
    }
  }
  std::optional<bool> read_only;
  for (const Field& field : fields) {
    for (const KeyTypes& row : kKeyTypes) {
      if (row.key == field.key && (row.types & TypeBit(mount.type)) == 0)
        return absl::InvalidArgumentError(
            absl::StrCat(field.key, " is no option of type=", TypeName(mount.type)));
    }
    RETURN_IF_ERROR(TakeField(field, &mount, &read_only));
  }
  const bool writable_unless_said = mount.type == MountType::kCache || mount.type == MountType::kTmpfs;
  mount.read_only = read_only.value_or(!writable_unless_said);
  RETURN_IF_ERROR(CheckMount(mount));
  return mount;
}

absl::Status VariableInFrom(absl::string_view text) {
  return WithHint(
      absl::InvalidArgumentError(absl::StrCat("--mount=", Printable(text), ": from takes no variables")),
      "name a stage for it: FROM $IMAGE AS name");
}

}  // namespace

absl::StatusOr<std::string> ExpandMount(
    absl::string_view text, absl::FunctionRef<absl::StatusOr<std::string>(absl::string_view)> word) {
  if (!absl::StrContains(text, '$')) return std::string(text);
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, SplitFields(text));
  std::string out;
  for (const std::string& field : fields) {
    const size_t equals = field.find('=');
    const std::string key = field.substr(0, equals);
    std::string value;
    if (equals != std::string::npos) {
      const std::string given = field.substr(equals + 1);
      if (absl::EqualsIgnoreCase(key, "from") && absl::StrContains(given, '$')) return VariableInFrom(text);
      ASSIGN_OR_RETURN(value, word(given), "--mount=", Printable(text));
      value.insert(0, 1, '=');
    }
    const bool quote = value.find_first_of(",\"") != std::string::npos;
    absl::StrAppend(&out, out.empty() ? "" : ",", quote ? "\"" : "", key,
                    quote ? absl::StrReplaceAll(value, {{"\"", "\"\""}}) : value, quote ? "\"" : "");
  }
  return out;
}

absl::StatusOr<std::string> FromOfMount(absl::string_view text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, SplitFields(text));
  for (const std::string& field : fields) {
    if (!absl::StartsWithIgnoreCase(field, "from=")) continue;
    if (absl::StrContains(field, '$')) return VariableInFrom(text);
    return field.substr(5);
  }
  return std::string();
}

absl::StatusOr<RunMount> ParseMount(absl::string_view text) {
  absl::StatusOr<RunMount> mount = ReadMount(text);
  if (!mount.ok()) return Annotate(mount.status(), absl::StrCat("--mount=", Printable(text)));
  return mount;
}

}  // namespace coracle::build
