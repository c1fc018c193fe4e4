#include "registry/short_names.h"

#include <fcntl.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/toml.h"
#include "os/file.h"
#include "registry/locate.h"

namespace coracle::registry {
namespace {

absl::Status MergeFrom(const std::string& path, RegistriesConfig& config) {
  const auto text = os::ReadFileAt(AT_FDCWD, path, kMaxTomlBytes);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  return MergeRegistriesConf(*text, path, /*may_be_v1=*/false, config);
}

}  // namespace

std::string RecordedShortNamesPath(const UserPaths& paths) {
  if (!paths.rootless) return "/var/cache/containers/short-name-aliases.conf";
  return paths.cache_home.empty() ? ""
                                  : absl::StrCat(paths.cache_home, "/containers/short-name-aliases.conf");
}

absl::Status MergeRecordedShortNames(const UserPaths& paths, RegistriesConfig& config) {
  const std::string path = RecordedShortNamesPath(paths);
  if (path.empty()) return absl::OkStatus();
  RegistriesConfig recorded;
  RETURN_IF_ERROR(MergeFrom(path, recorded));
  for (auto& [name, value] : recorded.aliases) config.aliases[name] = value;
  return absl::OkStatus();
}

absl::Status RecordShortName(const UserPaths& paths, absl::string_view text,
                             const oci::ImageReference& chosen) {
  const std::string path = RecordedShortNamesPath(paths);
  if (path.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const oci::ImageReference typed, oci::ImageReference::ParseLocal(text));
  RegistriesConfig recorded;
  RETURN_IF_ERROR(MergeFrom(path, recorded));
  recorded.aliases[typed.path()] = chosen.name();
  std::string content = "[aliases]\n";
  // The grammar of names has no character that TOML would want escaped.
  for (const auto& [name, value] : recorded.aliases) {
    absl::StrAppend(&content, "  \"", name, "\" = \"", value, "\"\n");
  }
  RETURN_IF_ERROR(os::MakeDirectories(path.substr(0, path.rfind('/')), 0700));
  return os::ReplaceFileAt(AT_FDCWD, path, content, os::Durability::kDurable, 0600);
}

std::vector<oci::ImageReference> ConfiguredNames(const UserPaths& paths, absl::string_view text) {
  const auto typed = oci::ImageReference::ParseLocal(text);
  if (!typed.ok() || !oci::IsShortName(text)) return {};
  const std::string recorded = RecordedShortNamesPath(paths);
  bool may_say = RegistriesConfMaySay(paths, typed->path());
  if (!may_say && !recorded.empty()) {
    const auto aliases = os::ReadFileAt(AT_FDCWD, recorded, kMaxTomlBytes);
    may_say = aliases.ok() && MaySayOfShortName(*aliases, typed->path());
  }
  if (!may_say) return {};
  auto config = LoadRegistriesConf(paths);
  if (!config.ok() || !MergeRecordedShortNames(paths, *config).ok()) return {};
  // All that it may be: which of them is in the store decides, nobody has to be asked.
  config->short_name_mode = ShortNameMode::kDisabled;
  auto resolved = ResolveName(*config, text, /*interactive=*/false);
  return resolved.ok() ? std::move(resolved->candidates) : std::vector<oci::ImageReference>();
}

}  // namespace coracle::registry
