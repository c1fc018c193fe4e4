#include "oci/manifest.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/status.h"
#include "base/text.h"
#include "oci/json_codec.h"

namespace coracle::oci {

template <typename Codec>
void Members(Codec& codec, Platform& platform) {
  codec.Required("architecture", platform.architecture);
  codec.Required("os", platform.os);
  codec.Member("os.version", platform.os_version);
  codec.Member("os.features", platform.os_features);
  codec.Member("variant", platform.variant);
}

template <typename Codec>
void Members(Codec& codec, Descriptor& descriptor) {
  codec.Required("mediaType", descriptor.media_type);
  codec.Required("digest", descriptor.digest);
  codec.Required("size", descriptor.size);
  codec.Check(descriptor.size >= 0, "size", "negative");
  codec.Member("urls", descriptor.urls);
  codec.Member("annotations", descriptor.annotations);
  codec.Member("data", descriptor.data);
  codec.Member("artifactType", descriptor.artifact_type);
  codec.Member("platform", descriptor.platform);
}

template <typename Codec>
void Members(Codec& codec, Manifest& manifest) {
  codec.Required("schemaVersion", manifest.schema_version);
  codec.Member("mediaType", manifest.media_type);
  codec.OneOf("mediaType", manifest.media_type, {"", kOciManifest, kDockerManifest});
  codec.Member("artifactType", manifest.artifact_type);
  codec.Required("config", manifest.config);
  codec.Required("layers", manifest.layers);
  codec.Member("subject", manifest.subject);
  codec.Member("annotations", manifest.annotations);
}

template <typename Codec>
void Members(Codec& codec, Index& index) {
  codec.Required("schemaVersion", index.schema_version);
  codec.Member("mediaType", index.media_type);
  codec.OneOf("mediaType", index.media_type, {"", kOciIndex, kDockerManifestList});
  codec.Member("artifactType", index.artifact_type);
  codec.Required("manifests", index.manifests);
  codec.Member("subject", index.subject);
  codec.Member("annotations", index.annotations);
}

namespace {

constexpr JsonLimits kLimits = {.list_entries = kMaxManifestEntries, .string_bytes = 1 << 20};

absl::Status Invalid(absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("manifest: ", message));
}

template <typename T>
absl::StatusOr<T> Read(const Json& document) {
  T value;
  value.media_type.clear();  // absent is not the default of what we make
  JsonReader reader(document, "", kLimits);
  RETURN_IF_ERROR(reader.ReadDocument(value), "manifest");
  return value;
}

// Refuses what is not schema 2, and what says to be something else than it was fetched as.
absl::Status CheckKind(const Json& document, absl::string_view media_type) {
  if (!document.is_object()) return Invalid("not an object");
  const Json* version = Find(document, "schemaVersion");
  const bool is_v1 = media_type == kDockerManifestV1 || media_type == kDockerManifestV1Signed;
  if (is_v1 || (version != nullptr && version->is_number_integer() && *version == 1)) {
    return absl::UnimplementedError("manifest: docker's schema 1 is not supported");
  }
  if (version == nullptr || !version->is_number_integer() || *version != 2) {
    return Invalid("schemaVersion: not 2");
  }
  const Json* own_type = Find(document, "mediaType");
  if (own_type == nullptr || !own_type->is_string() || media_type.empty()) return absl::OkStatus();
  const std::string& own = own_type->get_ref<const std::string&>();
  if (own.empty() || own == media_type) return absl::OkStatus();
  return Invalid(absl::StrCat("mediaType: \"", Printable(own.substr(0, 256)), "\", but it was given as \"",
                              Printable(media_type.substr(0, 256)), "\""));
}

bool Has(const Json& document, absl::string_view name) {
  const Json* member = Find(document, name);
  return member != nullptr && !member->is_null();
}

}  // namespace

absl::StatusOr<std::variant<Manifest, Index>> ParseManifestOrIndex(absl::string_view json,
                                                                   absl::string_view media_type) {
  if (json.size() > kMaxManifestBytes)
    return Invalid(absl::StrCat("larger than ", kMaxManifestBytes, " bytes"));
  ASSIGN_OR_RETURN(const Json document, ParseJson(json), "manifest");
  RETURN_IF_ERROR(CheckKind(document, media_type));
  const bool has_manifests = Has(document, "manifests");
  const bool has_layers = Has(document, "layers") || Has(document, "config") || Has(document, "fsLayers");
  if (has_manifests && has_layers) return Invalid("both an image and an index");
  if (has_manifests) {
    if (IsManifestType(media_type)) return Invalid("an index where an image was expected");
    return Read<Index>(document);
  }
  if (IsIndexType(media_type)) return Invalid("an image where an index was expected");
  return Read<Manifest>(document);
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view json, absl::string_view media_type) {
  ASSIGN_OR_RETURN(auto either, ParseManifestOrIndex(json, media_type));
  if (Manifest* manifest = std::get_if<Manifest>(&either)) return std::move(*manifest);
  return Invalid("an index where an image was expected");
}

absl::StatusOr<Index> ParseIndex(absl::string_view json, absl::string_view media_type) {
  ASSIGN_OR_RETURN(auto either, ParseManifestOrIndex(json, media_type));
  if (Index* index = std::get_if<Index>(&either)) return std::move(*index);
  return Invalid("an image where an index was expected");
}

std::string SerializeManifest(const Manifest& manifest) { return DumpJson(JsonWriter::Write(manifest)); }

std::string SerializeIndex(const Index& index) { return DumpJson(JsonWriter::Write(index)); }

absl::StatusOr<Descriptor> SelectPlatform(const Index& index, const Platform& platform) {
  const Descriptor* best = nullptr;
  const Descriptor* without_platform = nullptr;
  std::optional<int> best_distance;
  std::vector<std::string> names;
  for (const Descriptor& entry : index.manifests) {
    // An attestation or another artifact is no image to run.
    if (!entry.artifact_type.empty() || !(IsManifestType(entry.media_type) || IsIndexType(entry.media_type)))
      continue;
    if (!entry.platform.has_value()) {
      if (without_platform == nullptr) without_platform = &entry;
      continue;
    }
    const std::string name = Printable(PlatformName(*entry.platform));
    if (names.size() < 32 && entry.platform->os != "unknown" && !absl::c_linear_search(names, name)) {
      names.push_back(name);
    }
    const std::optional<int> distance = PlatformDistance(platform, *entry.platform);
    if (!distance.has_value() || (best_distance.has_value() && *best_distance <= *distance)) continue;
    best = &entry;
    best_distance = distance;
  }
  if (best != nullptr) return *best;
  if (names.empty() && without_platform != nullptr) return *without_platform;
  return absl::NotFoundError(absl::StrCat("no image for ", PlatformName(platform), ", only for ",
                                          names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

}  // namespace coracle::oci
