// pull and push with a transport that is no registry: archives, layouts and directories.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/image_ends.h"
#include "engine/save_load.h"
#include "engine/transfer.h"
#include "image/copy_image.h"
#include "image/docker_archive_source.h"
#include "image/members.h"
#include "image/oci_layout_source.h"
#include "image/store_sink.h"
#include "oci/reference.h"

namespace coracle::engine {
namespace {

using image::Transport;
using image::TransportName;

void AddName(const absl::StatusOr<oci::ImageReference>& name, std::vector<std::string>& names) {
  if (name.ok() && name->digest().empty()) names.push_back(name->WithTagOrDefault().str());
}

// podman: what only a directory names is called by its path, below localhost/.
absl::StatusOr<oci::ImageReference> NameOfPath(absl::string_view path, absl::string_view tag) {
  while (absl::ConsumePrefix(&path, "./") || absl::ConsumePrefix(&path, "/")) {
  }
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  return oci::ImageReference::Parse(absl::StrCat(oci::kLocalDomain, "/", path, tag.empty() ? "" : ":", tag));
}

// The name that the layout's index has for the manifest `bytes`.
absl::StatusOr<std::string> NameInLayout(const image::Members& members, const std::string& bytes) {
  ASSIGN_OR_RETURN(const oci::Index index, image::ReadLayoutIndex(members));
  const std::string hex = Sha256Hex(bytes);
  for (const oci::Descriptor& entry : index.manifests) {
    if (entry.digest.hex() == hex) return image::LayoutEntryName(entry);
  }
  return std::string();
}

absl::Status NameFromLayout(const TransportName& from, const image::Members& members,
                            image::ImageSource& source, std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const image::ManifestDocument document, source.GetManifest());
  ASSIGN_OR_RETURN(const std::string name, NameInLayout(members, document.bytes));
  const bool whole = absl::StrContains(name, '/') || absl::StrContains(name, ':');
  if (whole || (from.transport == Transport::kOciArchive && !name.empty())) {
    AddName(oci::ImageReference::ParseLocal(name), names);
  } else if (from.transport == Transport::kOci) {
    AddName(NameOfPath(from.path, name), names);
  }
  return absl::OkStatus();
}

absl::Status NameFromDockerArchive(const TransportName& from, const image::Members& members,
                                   std::vector<std::string>& names) {
  if (!from.reference.empty()) {
    AddName(oci::ImageReference::Parse(from.reference), names);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const auto images, image::ReadDockerArchiveImages(members));
  const size_t number = from.index.value_or(0);
  if (number >= images.size()) return absl::OkStatus();  // Open says so
  for (const std::string& tag : images[number].repo_tags) AddName(oci::ImageReference::Parse(tag), names);
  return absl::OkStatus();
}

struct Origin {
  std::unique_ptr<image::ImageSource> source;
  std::vector<std::string> names;
};

absl::StatusOr<Origin> Open(Engine& engine, const TransportName& from) {
  Origin origin;
  if (from.transport == Transport::kDir) {
    ASSIGN_OR_RETURN(origin.source, OpenSource(from, {}));
    AddName(NameOfPath(from.path, ""), origin.names);
    return origin;
  }
  std::shared_ptr<image::Members> members;
  if (from.transport == Transport::kOci) {
    ASSIGN_OR_RETURN(members, image::OpenDirectoryMembers(from.path));
  } else {
    ASSIGN_OR_RETURN(members, image::OpenArchiveMembers(from.path, SpoolDirectory(engine.settings.tmpdir)));
  }
  if (from.transport == Transport::kDockerArchive) {
    RETURN_IF_ERROR(NameFromDockerArchive(from, *members, origin.names));
    ASSIGN_OR_RETURN(origin.source, image::DockerArchiveSource::Open(members, from));
    return origin;
  }
  ASSIGN_OR_RETURN(origin.source, image::OciLayoutSource::Open(members, from));
  RETURN_IF_ERROR(NameFromLayout(from, *members, *origin.source, origin.names));
  return origin;
}

}  // namespace

absl::StatusOr<std::vector<PulledImage>> PullFrom(Engine& engine, TransferContext& context,
                                                  const image::TransportName& from,
                                                  const PullRequest& request) {
  if (request.all_tags) return absl::InvalidArgumentError("--all-tags is for registries");
  std::vector<PulledImage> pulled;
  if (from.transport == Transport::kDockerArchive && from.reference.empty() && !from.index.has_value()) {
    LoadRequest load;
    load.input = from.path;
    if (request.platform.has_value()) load.platform = *request.platform;
    load.single_id = request.single_id;
    load.progress = context.progress;
    load.cancel = context.cancel;
    load.loaded = [&](const LoadedImage& one) {
      pulled.push_back({one.id, one.names.empty() ? "" : one.names[0], /*was_there=*/false});
    };
    RETURN_IF_ERROR(LoadImages(engine, load));
    return pulled;
  }
  if (from.transport == Transport::kStore) {
    return absl::InvalidArgumentError(absl::StrCat(from.str(), ": is in the store already"));
  }
  ASSIGN_OR_RETURN(const Origin origin, Open(engine, from));
  image::StoreSinkOptions options;
  options.tags = origin.names;
  ASSIGN_OR_RETURN(PulledImage one, CopyIntoStore(engine, context, request, *origin.source, options));
  if (!origin.names.empty()) one.name = origin.names[0];
  pulled.push_back(std::move(one));
  return pulled;
}

absl::StatusOr<PushedImage> PushTo(Engine& engine, TransferContext& context, image::StoreSource& source,
                                   const image::TransportName& to, image::CopyOptions copy) {
  EndOptions ends = EndsOf(engine, context);
  // Whoever loads the archive finds the image by the name that it has here.
  const bool named = !to.reference.empty() || absl::StrContains(source.found_name(), "@");
  if (to.transport == Transport::kDockerArchive && !named && !source.found_name().empty()) {
    ends.more_tags.push_back(source.found_name());
  }
  // A layout is made to be passed on, as a registry's content is.
  const bool layout = to.transport == Transport::kOci || to.transport == Transport::kOciArchive;
  if (layout && !copy.compression.has_value()) copy.compression = archive::Compression::kGzip;
  ASSIGN_OR_RETURN(const SinkEnd end, OpenSink(to, ends));
  ASSIGN_OR_RETURN(const image::CopyResult result, image::CopyImage(source, *end.sink, copy));
  return PushedImage{to.str(), result.top.digest, static_cast<int64_t>(result.top.bytes.size())};
}

}  // namespace coracle::engine
