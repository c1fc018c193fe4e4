#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/text.h"
#include "engine/save_load.h"
#include "image/copy_image.h"
#include "image/dir_source.h"
#include "image/docker_archive_source.h"
#include "image/members.h"
#include "image/oci_layout_source.h"
#include "image/store_sink.h"
#include "oci/reference.h"
#include "store/events.h"

namespace coracle::engine {
namespace {

constexpr int kExitEngine = 125;

// One image of the input, with the names it will have.
struct Part {
  std::unique_ptr<image::ImageSource> source;
  std::vector<std::string> names;
};

void AddName(const oci::ImageReference& reference, std::vector<std::string>& names) {
  if (!reference.digest().empty()) return;
  const std::string name = reference.WithTagOrDefault().str();
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// What builders sign images with: no image that runs.
bool IsAttestation(const oci::Descriptor& entry) {
  const auto found = entry.annotations.find("vnd.docker.reference.type");
  return found != entry.annotations.end() && found->second == "attestation-manifest";
}

absl::StatusOr<std::vector<Part>> PartsOfLayout(const std::shared_ptr<image::Members>& members,
                                                const std::string& input) {
  ASSIGN_OR_RETURN(const oci::Index index, image::ReadLayoutIndex(*members));
  std::vector<Part> parts;
  std::vector<oci::Digest> digests;
  for (const oci::Descriptor& entry : index.manifests) {
    if (IsAttestation(entry)) continue;
    // One image with several names has an entry for each.
    size_t at = 0;
    while (at < digests.size() && digests[at] != entry.digest) ++at;
    if (at == digests.size()) {
      digests.push_back(entry.digest);
      Part part;
      part.source = std::make_unique<image::OciLayoutSource>(members, entry, input);
      parts.push_back(std::move(part));
    }
    const std::string name = image::LayoutEntryName(entry);
    if (name.empty()) continue;
    ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::ParseLocal(name));
    AddName(reference, parts[at].names);
  }
  if (parts.empty()) return absl::InvalidArgumentError("there is no image in it");
  return parts;
}

absl::StatusOr<std::vector<Part>> PartsOfDockerArchive(const std::shared_ptr<image::Members>& members,
                                                       const std::string& input) {
  ASSIGN_OR_RETURN(const std::vector<oci::DockerArchiveImage> images,
                   image::ReadDockerArchiveImages(*members));
  std::vector<Part> parts;
  for (const oci::DockerArchiveImage& image : images) {
    Part part;
    for (const std::string& tag : image.repo_tags) {
      ASSIGN_OR_RETURN(const oci::ImageReference reference, oci::ImageReference::Parse(tag));
      AddName(reference, part.names);
    }
    part.source = std::make_unique<image::DockerArchiveSource>(members, image, input);
    parts.push_back(std::move(part));
  }
  return parts;
}

absl::StatusOr<std::vector<Part>> PartsOf(const std::shared_ptr<image::Members>& members,
                                          const std::string& input, bool directory) {
  if (image::IsOciLayout(*members)) return PartsOfLayout(members, input);
  if (directory && members->Has("version") && members->Has("manifest.json")) {
    std::vector<Part> parts(1);
    parts[0].source = std::make_unique<image::DirSource>(members, input);
    return parts;
  }
  if (!directory && members->Has("manifest.json")) return PartsOfDockerArchive(members, input);
  if (!directory && members->Has("repositories")) return PartsOfDockerArchive(members, input);
  return absl::InvalidArgumentError(
      "no image in it: it is neither docker-archive nor oci-archive, nor a directory of one");
}

std::string Which(const Part& part, size_t index) {
  return absl::StrCat("image ", part.names.empty() ? absl::StrCat("number ", index + 1) : part.names[0]);
}

absl::Status Load(Engine& engine, const LoadRequest& request) {
  RETURN_IF_ERROR(engine.store.EnsureExists());
  struct stat info;
  const bool directory =
      request.input != "-" && stat(request.input.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  const std::string shown = request.input == "-" ? "standard input" : Printable(request.input);
  std::shared_ptr<image::Members> members;
  if (directory) {
    ASSIGN_OR_RETURN(members, image::OpenDirectoryMembers(request.input));
  } else {
    ASSIGN_OR_RETURN(members,
                     image::OpenArchiveMembers(request.input, absl::StrCat(engine.store.root(), "/tmp")));
  }
  ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(members, request.input, directory), shown);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    image::StoreSinkOptions options;
    options.tags = part.names;
    options.single_id = request.single_id;
    options.progress = request.progress;
    options.cancel = request.cancel;
    options.purpose = "load";
    ASSIGN_OR_RETURN(const auto sink, image::StoreSink::Create(engine.store, options));
    image::CopyOptions copy;
    copy.platform = request.platform;
    copy.progress = request.progress;
    copy.cancel = request.cancel;
    const absl::Status status = image::CopyImage(*part.source, *sink, copy).status();
    if (!status.ok())
      return Annotate(status, parts.size() == 1 ? shown : absl::StrCat(shown, ": ", Which(part, i)));
    store::AppendEvent(engine.store,
                       store::ObjectEvent("image", "loadfromarchive", sink->image_id(), request.input));
    request.loaded({sink->image_id(), part.names});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadImages(Engine& engine, const LoadRequest& request) {
  const absl::Status status = Load(engine, request);
  return status.ok() ? status : WithExitCode(Annotate(status, "load"), kExitEngine);
}

}  // namespace coracle::engine
