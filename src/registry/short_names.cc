#include "registry/short_names.h"

#include <fcntl.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/toml.h"
#include "os/file.h"

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

}  // namespace coracle::registry
