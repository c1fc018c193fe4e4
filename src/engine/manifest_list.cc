#include "engine/manifest_list.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "image/checked_source.h"
#include "image/image_store.h"
#include "oci/image_config.h"

namespace coracle::engine {
namespace {

constexpr int kExitEngine = 125;

absl::StatusOr<image::TransportName> PlaceOf(Engine& engine, const std::string& text) {
  if (image::HasTransport(text)) return image::ParseTransportName(text);
  image::TransportName name;
  name.reference = text;
  const auto found = image::Find(engine.store, text);
  if (found.ok()) {
    // By its id: what the name means may change.
    name.reference = found->record.id();
    return name;
  }
  if (!absl::IsNotFound(found.status())) return found.status();
  name.transport = image::Transport::kDocker;
  return name;
}

// The platform that the image's config says.
absl::StatusOr<std::optional<oci::Platform>> PlatformOf(image::ImageSource& source,
                                                        const oci::Manifest& manifest) {
  const auto& type = manifest.config.media_type;
  if (type != oci::kOciConfig && type != oci::kDockerConfig) return std::nullopt;  // an artifact
  ASSIGN_OR_RETURN(auto stream, source.OpenBlob(manifest.config, 0));
  ASSIGN_OR_RETURN(const std::string json,
                   image::ReadDocument(std::move(stream), manifest.config, oci::kMaxImageConfigBytes));
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(json));
  oci::Platform platform;
  platform.architecture = config.architecture;
  platform.os = config.os;
  platform.os_version = config.os_version;
  platform.os_features = config.os_features;
  platform.variant = config.variant;
  return platform;
}

// The entries that the image, or the index, at `source` becomes.
absl::StatusOr<std::vector<oci::Descriptor>> EntriesOf(image::ImageSource& source, bool all) {
  ASSIGN_OR_RETURN(image::ManifestDocument document, source.GetManifest());
  ASSIGN_OR_RETURN(auto parsed, oci::ParseManifestOrIndex(document.bytes, document.media_type));
  if (const auto* index = std::get_if<oci::Index>(&parsed)) {
    if (all) return index->manifests;
    ASSIGN_OR_RETURN(const oci::Descriptor picked, oci::SelectPlatform(*index, oci::HostPlatform()));
    return std::vector<oci::Descriptor>{picked};
  }
  const auto& manifest = std::get<oci::Manifest>(parsed);
  oci::Descriptor entry;
  entry.media_type = !manifest.media_type.empty()   ? manifest.media_type
                     : !document.media_type.empty() ? document.media_type
                                                    : oci::kOciManifest;
  entry.digest = document.digest;
  entry.size = static_cast<int64_t>(document.bytes.size());
  entry.artifact_type = manifest.artifact_type;
  ASSIGN_OR_RETURN(entry.platform, PlatformOf(source, manifest));
  return std::vector<oci::Descriptor>{entry};
}

}  // namespace

void EntryNotes::ApplyTo(oci::Descriptor& entry) const {
  const bool platform =
      !arch.empty() || !os.empty() || !os_version.empty() || !variant.empty() || !os_features.empty();
  if (platform && !entry.platform.has_value()) entry.platform.emplace();
  if (!arch.empty()) entry.platform->architecture = arch;
  if (!os.empty()) entry.platform->os = os;
  if (!os_version.empty()) entry.platform->os_version = os_version;
  if (!variant.empty()) entry.platform->variant = variant;
  if (!os_features.empty()) entry.platform->os_features = os_features;
  for (const auto& [key, value] : annotations) entry.annotations[key] = value;
}

absl::StatusOr<image::ManifestList> AddToManifestList(Engine& engine, const EndOptions& ends,
                                                      absl::string_view list, const std::string& image,
                                                      const AddRequest& request) {
  // Before the long part: whether there is such a list at all.
  RETURN_IF_ERROR(image::ReadManifestList(engine.store, list).status());
  auto place = PlaceOf(engine, image);
  if (!place.ok()) return WithExitCode(place.status(), kExitEngine);
  const auto add = [&]() -> absl::StatusOr<std::vector<oci::Descriptor>> {
    ASSIGN_OR_RETURN(const auto source, OpenSource(*place, ends));
    return EntriesOf(*source, request.all);
  };
  auto entries = add();
  if (!entries.ok()) return WithExitCode(Annotate(entries.status(), Printable(image)), kExitEngine);
  return image::ChangeManifestList(engine.store, list, [&](image::ManifestList& changed) {
    for (oci::Descriptor& entry : *entries) {
      request.notes.ApplyTo(entry);
      auto& all = changed.index.manifests;
      const auto same = [&](const oci::Descriptor& other) { return other.digest == entry.digest; };
      all.erase(std::remove_if(all.begin(), all.end(), same), all.end());
      changed.sources[entry.digest.str()] = place->str();
      all.push_back(entry);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<image::CopyResult> PushManifestList(Engine& engine, const EndOptions& ends,
                                                   absl::string_view list, const std::string& destination,
                                                   image::CopyOptions options,
                                                   const std::optional<oci::Platform>& only) {
  ASSIGN_OR_RETURN(image::ManifestList read, image::ReadManifestList(engine.store, list));
  const std::string target = destination.empty()                ? absl::StrCat("docker://", read.name)
                             : image::HasTransport(destination) ? destination
                                                                : absl::StrCat("docker://", destination);
  const auto push = [&]() -> absl::StatusOr<image::CopyResult> {
    ASSIGN_OR_RETURN(const image::TransportName to, image::ParseTransportName(target));
    ASSIGN_OR_RETURN(const SinkEnd end, OpenSink(to, ends));
    image::ManifestListSource source(std::move(read), [&ends](const std::string& place) {
      auto name = image::ParseTransportName(place);
      if (!name.ok()) return absl::StatusOr<std::unique_ptr<image::ImageSource>>(name.status());
      return OpenSource(*name, ends);
    });
    options.all = !only.has_value();
    if (only.has_value()) options.platform = *only;
    return image::CopyImage(source, *end.sink, options);
  };
  auto pushed = push();
  if (!pushed.ok()) return WithExitCode(Annotate(pushed.status(), target), kExitEngine);
  return pushed;
}

}  // namespace coracle::engine
