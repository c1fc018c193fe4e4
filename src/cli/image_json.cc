#include "cli/image_json.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/size.h"
#include "base/status.h"
#include "base/text.h"
#include "base/time_format.h"
#include "oci/image_config.h"

namespace coracle::cli {
namespace {

std::string CreatedText(const store::ImageRecord& record) {
  return FormatRfc3339Nano(absl::FromUnixNanos(record.created_unix_nanos()));
}

// "localhost/busybox:latest" into name and tag; the tag follows the last colon behind the last slash.
std::pair<std::string, std::string> SplitName(const std::string& name) {
  const size_t slash = name.rfind('/');
  const size_t colon = name.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) return {name, "<none>"};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

Json RepoDigests(const image::ImageInfo& info) {
  Json digests = Json::array();
  std::vector<std::string> repositories;
  const auto known = [&](const std::string& repository) {
    return std::find(repositories.begin(), repositories.end(), repository) != repositories.end();
  };
  // Where it came from; then its other names here, under which it would have the same digest.
  for (const std::string& digest : info.record.repo_digests()) {
    digests.push_back(digest);
    repositories.push_back(digest.substr(0, digest.find('@')));
  }
  for (const std::string& name : info.names) {
    const std::string repository = SplitName(name).first;
    if (known(repository)) continue;
    digests.push_back(absl::StrCat(repository, "@", info.record.manifest_digest()));
    repositories.push_back(repository);
  }
  return digests;
}

Json Names(const image::ImageInfo& info) {
  Json names = Json::array();
  for (const std::string& name : info.names) names.push_back(name);
  return names;
}

}  // namespace

absl::StatusOr<Json> ImageInspectJson(const store::Store& store, const image::ImageInfo& info) {
  ASSIGN_OR_RETURN(const std::string text, image::ReadConfig(store, info.record));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(text), "config of image ",
                   info.record.id());
  ASSIGN_OR_RETURN(Json document, ParseJson(text));
  Json json;
  json["Id"] = info.record.id();
  json["Digest"] = info.record.manifest_digest();
  json["RepoTags"] = Names(info);
  json["RepoDigests"] = RepoDigests(info);
  json["Parent"] = "";
  json["Comment"] = config.history.empty() ? "" : config.history.back().comment;
  json["Created"] = CreatedText(info.record);
  Json* own = document.is_object() && document.contains("config") ? &document["config"] : nullptr;
  json["Config"] = own == nullptr ? Json::object() : *own;
  json["Version"] = "";
  json["Author"] = config.author;
  json["Architecture"] = config.architecture;
  json["Os"] = config.os;
  if (!config.variant.empty()) json["Variant"] = config.variant;
  json["Size"] = info.record.size_bytes();
  json["VirtualSize"] = info.record.size_bytes();
  json["GraphDriver"] = {{"Name", "overlay"}, {"Data", Json::object()}};
  Json layers = Json::array();
  for (const std::string& layer : info.record.layer_ids()) layers.push_back(absl::StrCat("sha256:", layer));
  json["RootFS"] = {{"Type", "layers"}, {"Layers", layers}};
  json["Labels"] = Json::object();
  for (const auto& [key, value] : config.config.labels) json["Labels"][key] = value;
  json["Annotations"] = Json::object();
  json["ManifestType"] = info.record.manifest_media_type();
  json["User"] = config.config.user;
  json["History"] = document.contains("history") ? document["history"] : Json::array();
  json["NamesHistory"] = Names(info);
  return json;
}

Json ImagesJson(const image::ImageInfo& info, bool in_use) {
  Json json;
  json["Id"] = info.record.id();
  json["ParentId"] = "";
  json["RepoTags"] = Names(info);
  json["RepoDigests"] = RepoDigests(info);
  json["Size"] = info.record.size_bytes();
  json["SharedSize"] = 0;
  json["VirtualSize"] = info.record.size_bytes();
  json["Labels"] = nullptr;
  json["Containers"] = in_use ? 1 : 0;
  json["Names"] = Names(info);
  json["Digest"] = info.record.manifest_digest();
  json["History"] = Names(info);
  json["Created"] = info.record.created_unix_nanos() / 1000000000;
  json["CreatedAt"] = CreatedText(info.record);
  return json;
}

std::vector<Json> ImageRows(const image::ImageInfo& info, bool truncate, const ListedFields& fields) {
  std::vector<std::pair<std::string, std::string>> names;
  for (const std::string& name : info.names) names.push_back(SplitName(name));
  if (names.empty()) names.emplace_back("<none>", "<none>");
  const absl::Time created = absl::FromUnixNanos(info.record.created_unix_nanos());
  Json common;
  const auto add = [&](const char* name, const auto& value) {
    if (fields.Has(name)) common[name] = value();
  };
  const auto since = [&] { return HumanAgo(created, absl::Now()); };
  const auto at = [&] { return absl::FormatTime("%Y-%m-%d %H:%M:%S %z %Z", created, absl::LocalTimeZone()); };
  const auto size = [&] { return HumanSize(info.record.size_bytes(), 3, " "); };
  common["ID"] =
      truncate ? std::string(ShortId(info.record.id())) : absl::StrCat("sha256:", info.record.id());
  add("Id", [&] { return info.record.id(); });
  add("Digest", [&] { return info.record.manifest_digest(); });
  add("Created", since);
  add("CreatedSince", since);
  add("CreatedAt", at);
  add("CreatedTime", at);
  add("Size", size);
  add("VirtualSize", size);
  add("ReadOnly", [] { return false; });
  add("History", [] { return ""; });
  add("Containers", [] { return "N/A"; });
  std::vector<Json> rows;
  rows.reserve(names.size());
  const auto& shared = common.get_ref<const Json::object_t&>();
  for (auto& [repository, tag] : names) {
    // At once in its size, and without looking for a key that can't be there: there may be thousands of rows.
    Json::object_t row;
    row.reserve(2 + shared.size());
    row.emplace_back("Repository", std::move(repository));
    row.emplace_back("Tag", std::move(tag));
    for (const auto& [name, value] : shared) row.emplace_back(name, value);
    rows.emplace_back(std::move(row));
  }
  return rows;
}

}  // namespace coracle::cli
