#include "oci/docker_archive.h"

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status.h"
#include "oci/json_codec.h"
#include "oci/manifest.h"

namespace coracle::oci {

template <typename Codec>
void Members(Codec& codec, DockerArchiveImage& image) {
  codec.Required("Config", image.config);
  // docker and podman write null for an image without a name.
  codec.Member("RepoTags", image.repo_tags);
  codec.Required("Layers", image.layers);
}

namespace {

// What a name in the archive may have, and a tag.
constexpr JsonLimits kLimits = {.list_entries = kMaxManifestEntries, .string_bytes = 4096};

}  // namespace

absl::StatusOr<std::vector<DockerArchiveImage>> ParseDockerArchiveManifest(absl::string_view json) {
  if (json.size() > kMaxDockerArchiveManifestBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("manifest.json: larger than ", kMaxDockerArchiveManifestBytes, " bytes"));
  }
  ASSIGN_OR_RETURN(const Json document, ParseJson(json), "manifest.json");
  if (!document.is_array() || document.empty()) {
    return absl::InvalidArgumentError("manifest.json: not a list of images");
  }
  if (document.size() > kMaxManifestEntries) {
    return absl::InvalidArgumentError(
        absl::StrCat("manifest.json: more than ", kMaxManifestEntries, " images"));
  }
  std::vector<DockerArchiveImage> images;
  for (const Json& value : document) {
    const std::string path = absl::StrCat("[", images.size(), "]");
    JsonReader reader(value, path, kLimits);
    RETURN_IF_ERROR(reader.ReadDocument(images.emplace_back()), "manifest.json");
    if (images.back().config.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("manifest.json: ", path, ".Config: empty"));
    }
  }
  return images;
}

std::string SerializeDockerArchiveManifest(const std::vector<DockerArchiveImage>& images) {
  Json list = Json::array();
  for (const DockerArchiveImage& image : images) {
    Json value = Json::object();
    value["Config"] = image.config;
    value["RepoTags"] = image.repo_tags.empty() ? Json(nullptr) : Json(image.repo_tags);
    value["Layers"] = image.layers;
    list.push_back(std::move(value));
  }
  return DumpJson(list);
}

std::string SerializeDockerRepositories(
    const std::map<std::string, std::map<std::string, std::string>>& repositories) {
  Json document = Json::object();
  for (const auto& [name, tags] : repositories) {
    Json entry = Json::object();
    for (const auto& [tag, id] : tags) entry[tag] = id;
    document[name] = std::move(entry);
  }
  return DumpJson(document);
}

}  // namespace coracle::oci
