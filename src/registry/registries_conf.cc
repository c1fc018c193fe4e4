#include "registry/registries_conf.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "base/text.h"
#include "base/toml.h"
#include "oci/json_codec.h"
#include "oci/reference.h"
#include "os/file.h"

namespace coracle::registry {
namespace {

// As they stand in the file.
struct FileMirror {
  std::string location, pull_from;
  bool insecure = false;
};
struct FileRegistry {
  std::string prefix, location;
  bool insecure = false, blocked = false, mirror_by_digest_only = false;
  std::vector<FileMirror> mirrors;
};
struct FileV1 {
  std::vector<std::string> search, insecure, block;
  bool empty() const { return search.empty() && insecure.empty() && block.empty(); }
};
struct File {
  std::optional<std::vector<std::string>> search;
  std::string short_name_mode;
  std::vector<FileRegistry> registries;
  std::map<std::string, std::string> aliases;
  FileV1 v1;
};

template <typename Codec>
void Members(Codec& codec, FileMirror& mirror) {
  codec.Required("location", mirror.location);
  codec.Member("insecure", mirror.insecure);
  codec.Member("pull-from-mirror", mirror.pull_from);
  codec.OneOf("pull-from-mirror", mirror.pull_from, {"", "all", "digest-only", "tag-only"});
}

template <typename Codec>
void Members(Codec& codec, FileRegistry& registry) {
  codec.Member("prefix", registry.prefix);
  codec.Member("location", registry.location);
  codec.Member("insecure", registry.insecure);
  codec.Member("blocked", registry.blocked);
  codec.Member("mirror-by-digest-only", registry.mirror_by_digest_only);
  codec.Member("mirror", registry.mirrors);
}

template <typename Codec>
void Members(Codec& codec, FileV1& v1) {
  codec.Nested("search", [&](Codec& inner) { inner.Member("registries", v1.search); });
  codec.Nested("insecure", [&](Codec& inner) { inner.Member("registries", v1.insecure); });
  codec.Nested("block", [&](Codec& inner) { inner.Member("registries", v1.block); });
}

template <typename Codec>
void Members(Codec& codec, File& file) {
  codec.Member("unqualified-search-registries", file.search);
  codec.Member("short-name-mode", file.short_name_mode);
  codec.OneOf("short-name-mode", file.short_name_mode, {"", "permissive", "enforcing", "disabled"});
  codec.Member("registry", file.registries);
  codec.Member("aliases", file.aliases);
  codec.Member("registries", file.v1);
}

absl::Status Invalid(absl::string_view what, absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(what, " \"", Printable(value), "\": ", why));
}

// host[:port][/path[:tag|@digest]], without scheme; slashes at the end are taken off.
absl::StatusOr<std::string> CheckedLocation(absl::string_view what, absl::string_view text) {
  if (absl::StrContains(text, "://")) return Invalid(what, text, "has a scheme, such as https://");
  absl::string_view location = text;
  while (absl::ConsumeSuffix(&location, "/")) {
  }
  const std::string probe = absl::StrCat(location, absl::StrContains(location, '/') ? "" : "/x");
  if (location.empty() || oci::IsShortName(probe)) return Invalid(what, text, "names no host");
  const auto parsed = oci::ImageReference::Parse(probe);
  if (!parsed.ok()) return Invalid(what, text, parsed.status().message());
  return std::string(location);
}

absl::StatusOr<std::string> CheckedPrefix(absl::string_view prefix) {
  absl::string_view host = prefix;
  if (!absl::ConsumePrefix(&host, "*.")) return CheckedLocation("prefix", prefix);
  if (absl::StrContains(host, '/') || absl::StrContains(host, ':')) {
    return Invalid("prefix", prefix, "behind \"*.\" only a host may stand");
  }
  RETURN_IF_ERROR(CheckedLocation("prefix", absl::StrCat("x.", host)).status());
  return std::string(prefix);
}

absl::StatusOr<MirrorRule> ReadMirror(const FileRegistry& registry, const FileMirror& mirror) {
  MirrorRule rule;
  ASSIGN_OR_RETURN(rule.location, CheckedLocation("mirror location", mirror.location));
  rule.insecure = mirror.insecure;
  if (registry.mirror_by_digest_only && !mirror.pull_from.empty()) {
    return Invalid("mirror location", mirror.location,
                   "pull-from-mirror and mirror-by-digest-only exclude each other");
  }
  if (registry.mirror_by_digest_only || mirror.pull_from == "digest-only") {
    rule.pull_from = PullFrom::kDigestOnly;
  } else if (mirror.pull_from == "tag-only") {
    rule.pull_from = PullFrom::kTagOnly;
  }
  return rule;
}

absl::StatusOr<RegistryRule> ReadRule(const FileRegistry& registry, absl::string_view file) {
  RegistryRule rule;
  rule.file = std::string(file);
  rule.insecure = registry.insecure;
  rule.blocked = registry.blocked;
  if (registry.location.empty() && registry.prefix.empty()) {
    return absl::InvalidArgumentError("a [[registry]] has neither prefix nor location");
  }
  if (!registry.location.empty()) {
    ASSIGN_OR_RETURN(rule.location, CheckedLocation("location", registry.location));
  }
  rule.prefix = rule.location;
  if (!registry.prefix.empty()) {
    ASSIGN_OR_RETURN(rule.prefix, CheckedPrefix(registry.prefix));
  }
  if (rule.location.empty() && !absl::StartsWith(rule.prefix, "*.")) rule.location = rule.prefix;
  for (const FileMirror& mirror : registry.mirrors) {
    ASSIGN_OR_RETURN(MirrorRule read, ReadMirror(registry, mirror));
    rule.mirrors.push_back(std::move(read));
  }
  return rule;
}

void Replace(RegistryRule rule, std::vector<RegistryRule>& rules) {
  const auto same = std::find_if(rules.begin(), rules.end(),
                                 [&](const RegistryRule& other) { return other.prefix == rule.prefix; });
  if (same != rules.end()) {
    *same = std::move(rule);
  } else {
    rules.push_back(std::move(rule));
  }
}

// Version 1 knows three lists of registries and nothing else.
std::vector<FileRegistry> RegistriesOfV1(const FileV1& v1) {
  std::map<std::string, FileRegistry> by_location;
  for (const std::string& location : v1.insecure) by_location[location].insecure = true;
  for (const std::string& location : v1.block) by_location[location].blocked = true;
  std::vector<FileRegistry> registries;
  for (auto& [location, registry] : by_location) {
    registry.location = location;
    registries.push_back(std::move(registry));
  }
  return registries;
}

absl::Status CheckAlias(const std::string& name, const std::string& value) {
  const auto short_name = oci::ImageReference::Parse(name);
  if (!short_name.ok() || !oci::IsShortName(name) || !short_name->tag().empty() ||
      !short_name->digest().empty()) {
    return Invalid("alias", name, "is no short name without tag and digest");
  }
  if (value.empty()) return absl::OkStatus();
  const auto full = oci::ImageReference::Parse(value);
  if (!full.ok() || oci::IsShortName(value) || !full->tag().empty() || !full->digest().empty()) {
    return Invalid("alias", name,
                   absl::StrCat("\"", Printable(value), "\" is no full name without tag and digest"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RegistriesConfig> Merged(absl::string_view text, absl::string_view file_name, bool may_be_v1,
                                        RegistriesConfig config) {
  ASSIGN_OR_RETURN(const Json document, ParseToml(text));
  File file;
  RETURN_IF_ERROR(oci::JsonReader(document, "", oci::JsonLimits{}).ReadDocument(file));
  if (!file.v1.empty()) {
    if (!may_be_v1)
      return absl::InvalidArgumentError("is in version 1 of the format, which a drop-in may not be");
    if (!file.registries.empty() || file.search.has_value()) {
      return absl::InvalidArgumentError("mixes version 1 and version 2 of the format");
    }
    file.search = file.v1.search;
    file.registries = RegistriesOfV1(file.v1);
  }
  std::set<std::string> prefixes;
  for (const FileRegistry& registry : file.registries) {
    ASSIGN_OR_RETURN(RegistryRule rule, ReadRule(registry, file_name));
    // One file may give a prefix twice, if both say the same of the registry itself.
    if (!prefixes.insert(rule.prefix).second) {
      for (const RegistryRule& other : config.rules) {
        if (other.prefix == rule.prefix &&
            (other.insecure != rule.insecure || other.blocked != rule.blocked)) {
          return Invalid("prefix", rule.prefix, "two [[registry]] tables contradict each other");
        }
      }
    }
    Replace(std::move(rule), config.rules);
  }
  if (file.search.has_value()) {
    config.search_registries.emplace();
    for (const std::string& registry : *file.search) {
      ASSIGN_OR_RETURN(std::string checked, CheckedLocation("unqualified-search-registries", registry));
      config.search_registries->push_back(std::move(checked));
    }
  }
  if (file.short_name_mode == "permissive") config.short_name_mode = ShortNameMode::kPermissive;
  if (file.short_name_mode == "enforcing") config.short_name_mode = ShortNameMode::kEnforcing;
  if (file.short_name_mode == "disabled") config.short_name_mode = ShortNameMode::kDisabled;
  for (const auto& [name, value] : file.aliases) {
    RETURN_IF_ERROR(CheckAlias(name, value));
    if (value.empty()) {
      config.aliases.erase(name);
    } else {
      config.aliases[name] = value;
    }
  }
  return config;
}

// One file of the configuration. It may be missing unless it is `required`.
struct ConfFile {
  std::string path;
  bool may_be_v1 = false;
  bool required = false;
};

absl::StatusOr<std::optional<std::string>> ReadConfFile(const ConfFile& file) {
  auto text = os::ReadFileAt(AT_FDCWD, file.path, kMaxTomlBytes);
  if (text.ok()) return std::make_optional(*std::move(text));
  if (file.required) return Annotate(text.status(), "CONTAINERS_REGISTRIES_CONF");
  if (absl::IsNotFound(text.status())) return std::nullopt;
  return text.status();
}

// The files NAME.conf of a directory, in the order of their names.
absl::Status AddDirectory(const std::string& directory, std::vector<ConfFile>& files) {
  auto names = os::ListDirectoryAt(AT_FDCWD, directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  RETURN_IF_ERROR(names.status());
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    if (absl::EndsWith(name, ".conf")) files.push_back({absl::StrCat(directory, "/", name)});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ConfFile>> ConfFiles(const UserPaths& paths, const std::string& etc) {
  std::vector<ConfFile> files;
  const std::string user =
      paths.config_home.empty() ? "" : absl::StrCat(paths.config_home, "/containers/registries.conf");
  const char* chosen = getenv("CONTAINERS_REGISTRIES_CONF");
  bool system_drop_ins = true;
  if (chosen != nullptr && *chosen != '\0') {
    files.push_back({chosen, /*may_be_v1=*/true, /*required=*/true});
  } else if (!user.empty() && os::ExistsAt(AT_FDCWD, user)) {
    // containers-registries.conf.d(5): then only the user's drop-ins count.
    system_drop_ins = false;
    files.push_back({user, /*may_be_v1=*/true});
  } else {
    files.push_back({absl::StrCat(etc, "/registries.conf"), /*may_be_v1=*/true});
  }
  if (system_drop_ins) RETURN_IF_ERROR(AddDirectory(absl::StrCat(etc, "/registries.conf.d"), files));
  if (!user.empty()) RETURN_IF_ERROR(AddDirectory(absl::StrCat(user, ".d"), files));
  return files;
}

}  // namespace

absl::Status MergeRegistriesConf(absl::string_view text, absl::string_view file, bool may_be_v1,
                                 RegistriesConfig& config) {
  auto merged = Merged(text, file, may_be_v1, config);
  if (!merged.ok()) return Annotate(merged.status(), Printable(file));
  config = *std::move(merged);
  return absl::OkStatus();
}

absl::StatusOr<RegistriesConfig> LoadRegistriesConf(const UserPaths& paths, const std::string& etc) {
  RegistriesConfig config;
  ASSIGN_OR_RETURN(const std::vector<ConfFile> files, ConfFiles(paths, etc));
  for (const ConfFile& file : files) {
    ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadConfFile(file));
    if (text.has_value()) RETURN_IF_ERROR(MergeRegistriesConf(*text, file.path, file.may_be_v1, config));
  }
  return config;
}

bool MaySayOfShortName(absl::string_view text, absl::string_view name) {
  const std::string quoted = absl::StrCat("\"", name, "\""), raw = absl::StrCat("'", name, "'");
  const std::string full =
      absl::StrCat("\"docker.io/", absl::StrContains(name, '/') ? "" : "library/", name, "\"");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (absl::StrContains(line, "search") || absl::StrContains(line, '\\')) return true;
    if (absl::StrContains(line, "aliases") && line != "[aliases]") return true;
    if (!absl::StrContains(line, quoted) && !absl::StrContains(line, raw) && !absl::StartsWith(line, name)) {
      continue;
    }
    if (absl::StrReplaceAll(line, {{" ", ""}, {"\t", ""}}) != absl::StrCat(quoted, "=", full)) return true;
  }
  return false;
}

bool RegistriesConfMaySay(const UserPaths& paths, absl::string_view name, const std::string& etc) {
  const auto files = ConfFiles(paths, etc);
  if (!files.ok()) return true;
  return std::any_of(files->begin(), files->end(), [&](const ConfFile& file) {
    const auto text = ReadConfFile(file);
    return !text.ok() || (text->has_value() && MaySayOfShortName(**text, name));
  });
}

}  // namespace coracle::registry
