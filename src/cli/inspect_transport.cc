#include "cli/inspect_transport.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error_context.h"
#include "base/json.h"
#include "base/status.h"
#include "base/table.h"
#include "cli/container_options.h"
#include "cli/select.h"
#include "cli/transfer_options.h"
#include "engine/image_ends.h"
#include "image/checked_source.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace coracle::cli {
namespace {

constexpr int kMaxIndexDepth = 3;

struct Inspected {
  image::ManifestDocument top;    // what the name names
  image::ManifestDocument image;  // of the platform
  oci::Manifest manifest;
  std::string config;
};

// The image that runs best on `platform`, through indexes.
absl::StatusOr<Inspected> Read(image::ImageSource& source, const oci::Platform& platform) {
  Inspected inspected;
  ASSIGN_OR_RETURN(inspected.top, source.GetManifest());
  inspected.image = inspected.top;
  for (int depth = 0;; ++depth) {
    ASSIGN_OR_RETURN(auto parsed,
                     oci::ParseManifestOrIndex(inspected.image.bytes, inspected.image.media_type));
    if (auto* manifest = std::get_if<oci::Manifest>(&parsed)) {
      inspected.manifest = std::move(*manifest);
      break;
    }
    if (depth == kMaxIndexDepth) return absl::InvalidArgumentError("indexes are nested too deep");
    ASSIGN_OR_RETURN(const oci::Descriptor picked,
                     oci::SelectPlatform(std::get<oci::Index>(parsed), platform));
    ASSIGN_OR_RETURN(inspected.image, source.GetInstance(picked));
    if (inspected.image.digest != picked.digest) {
      return absl::DataLossError(absl::StrCat("manifest ", picked.digest.str(), " has another digest"));
    }
  }
  const oci::Descriptor& config = inspected.manifest.config;
  ASSIGN_OR_RETURN(auto stream, source.OpenBlob(config, 0));
  ASSIGN_OR_RETURN(inspected.config,
                   image::ReadDocument(std::move(stream), config, oci::kMaxImageConfigBytes));
  return inspected;
}

// The members of `skopeo inspect`.
absl::StatusOr<Json> Describe(const Inspected& inspected, const std::string& name,
                              const std::vector<std::string>& tags) {
  ASSIGN_OR_RETURN(const oci::ImageConfig config, oci::ParseImageConfig(inspected.config), "config");
  const auto raw = ParseJson(inspected.config);
  const Json* docker_version = raw.ok() ? Find(*raw, "docker_version") : nullptr;
  Json json;
  if (!name.empty()) json["Name"] = name;
  json["Digest"] = inspected.top.digest.str();
  json["RepoTags"] = tags;
  json["Created"] = config.created;
  json["DockerVersion"] = docker_version != nullptr && docker_version->is_string() ? *docker_version : "";
  Json labels = config.config.labels.empty() ? Json(nullptr) : Json::object();
  for (const auto& [key, value] : config.config.labels) labels[key] = value;
  json["Labels"] = std::move(labels);
  json["Architecture"] = config.architecture;
  if (!config.variant.empty()) json["Variant"] = config.variant;
  json["Os"] = config.os;
  Json layers = Json::array(), data = Json::array();
  for (const oci::Descriptor& layer : inspected.manifest.layers) {
    layers.push_back(layer.digest.str());
    Json entry;
    entry["MIMEType"] = layer.media_type;
    entry["Digest"] = layer.digest.str();
    entry["Size"] = layer.size;
    entry["Annotations"] = layer.annotations.empty() ? Json(nullptr) : Json(layer.annotations);
    data.push_back(std::move(entry));
  }
  json["Layers"] = std::move(layers);
  json["LayersData"] = std::move(data);
  json["Env"] = config.config.env.empty() ? Json(nullptr) : Json(config.config.env);
  return json;
}

absl::Status InspectOne(Invocation& invocation, Transfer& transfer, const std::string& text) {
  const ParsedCommand& parsed = invocation.parsed();
  const engine::Engine engine = MakeEngine(invocation);
  image::TransportName name;
  if (image::HasTransport(text)) {
    ASSIGN_OR_RETURN(name, image::ParseTransportName(text));
  } else {
    name.reference = text;
  }
  engine::EndOptions ends;
  ends.spool_dir = engine::SpoolDirectory(invocation.globals().tmpdir);
  ends.store = &engine.store;
  ends.access = &transfer.context().access;
  ends.cancel = transfer.context().cancel;
  ASSIGN_OR_RETURN(const std::unique_ptr<image::ImageSource> source, engine::OpenSource(name, ends));
  if (parsed.GetBool("raw") && !parsed.GetBool("config")) {
    ASSIGN_OR_RETURN(const image::ManifestDocument document, source->GetManifest());
    invocation.out().Write(document.bytes);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<oci::Platform> platform, ReadPlatform(parsed));
  ASSIGN_OR_RETURN(const Inspected inspected, Read(*source, platform.value_or(oci::HostPlatform())));
  Json json;
  if (parsed.GetBool("config")) {
    if (parsed.GetBool("raw")) {
      invocation.out().Write(inspected.config);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(json, ParseJson(inspected.config), "config");
  } else {
    std::string repository;
    std::vector<std::string> tags;
    if (name.transport == image::Transport::kDocker) {
      ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::Parse(name.reference));
      repository = reference.name();
      if (!parsed.GetBool("no-tags")) {
        ASSIGN_OR_RETURN(const auto places, engine::PlacesForPull(transfer.context().access, reference));
        ASSIGN_OR_RETURN(tags, places.back().client->Tags(places.back().at.path()));
      }
    }
    ASSIGN_OR_RETURN(json, Describe(inspected, repository, tags));
  }
  const std::string format = parsed.GetString("format");
  if (format.empty() || format == "json") {
    invocation.out().WriteLine(DumpJson(json, 4));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string rendered, RenderInspect(format, {json}, {}));
  invocation.out().Write(rendered);
  return absl::OkStatus();
}

}  // namespace

bool InspectsTransport(const ParsedCommand& parsed) {
  return parsed.GetBool("raw") || parsed.GetBool("config") ||
         std::any_of(parsed.args().begin(), parsed.args().end(), image::HasTransport);
}

absl::Status InspectTransports(Invocation& invocation) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Transfer> transfer,
                   Transfer::Open(invocation.parsed(), /*quiet=*/true, "Reading"));
  for (const std::string& text : invocation.args()) {
    const absl::Status status = InspectOne(invocation, *transfer, text);
    if (!status.ok()) {
      const absl::Status full = AnnotateNaming(status, text, absl::StripPrefix(text, "docker://"));
      return transfer->Result(ExitCodeOf(full).has_value() ? full : WithExitCode(full, 125));
    }
  }
  return absl::OkStatus();
}

}  // namespace coracle::cli
